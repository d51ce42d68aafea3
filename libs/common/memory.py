"""What the process holds of the machine's memory."""

import ctypes


def give_back_memory() -> None:
    """Hand memory that is free inside the process back to the machine, where the C library can.

    After something large was replaced, glibc keeps hundreds of megabytes in its arenas, one for each thread.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
