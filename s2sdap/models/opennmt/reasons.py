"""Why a checkpoint is not read. `loading` makes an error of the catalogue of each, with the file's name."""


class Unreadable(ValueError):  # noqa: N818 - it says how the file is
    """A file that is none of OpenNMT-py's, or a damaged one."""


class Forbidden(ValueError):  # noqa: N818 - it says how the file is
    """A file that names what no checkpoint needs, such as `os.system`."""


class Unsupported(ValueError):  # noqa: N818 - it says how the file is
    """A checkpoint of OpenNMT-py with a part that the recurrent family does not have."""


class Unfit(ValueError):  # noqa: N818 - it says how the file is
    """Weights and vocabularies that do not belong together."""
