"""`s2sdap schema`: the launch configuration as a JSON schema, for editors and for the docs."""

import json

from s2sdap.dap.launch import launch_schema


def schema() -> None:
    """Print the schema on standard output."""
    print(json.dumps(launch_schema(), indent=2, ensure_ascii=False))
