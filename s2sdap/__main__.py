"""`python -m s2sdap`: the same as the command `s2sdap`."""

from s2sdap.cli import main

if __name__ == "__main__":
    main()
