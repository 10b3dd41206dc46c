"""What an editor asks of a file of sentences, a file each: pure functions of a `SourceFile`."""
