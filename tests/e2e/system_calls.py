"""Programs that may not make each system call, as services and containers have it."""
import ctypes
import struct

PROCESS_VM_READV = 310


def kill_for(system_call):
    """To be called in a process before it executes a program: a system call that ends it."""
    load, equal, give = 0x20, 0x15, 0x06
    kill, allow = 0x80000000, 0x7FFF0000
    steps = ((load, 0, 0, 0), (equal, 0, 1, system_call), (give, 0, 0, kill), (give, 0, 0, allow))
    code = b"".join(struct.pack("HBBI", *step) for step in steps)
    prctl, no_new_privileges, seccomp, filters = ctypes.CDLL(None).prctl, 38, 22, 2

    def confine():
        kept = ctypes.create_string_buffer(code)
        program = struct.pack("HxxxxxxP", len(steps), ctypes.addressof(kept))
        if prctl(no_new_privileges, 1, 0, 0, 0) or prctl(seccomp, filters, program, 0, 0):
            raise OSError("no seccomp")

    return confine
