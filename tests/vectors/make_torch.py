#!/usr/bin/env python3
"""Small PyTorch archives: some written by torch.save() (Debian 12's PyTorch 1.13.1), some damaged.

usage: make_torch.py FOLDER
"""
import collections
import io
import os
import pickle
import struct
import sys
import zipfile

import torch


def saved(thing, **how):
    f = io.BytesIO()
    torch.save(thing, f, **how)
    return f.getvalue()


def zipped(members, method=zipfile.ZIP_STORED, stream=False):
    f = io.BytesIO()
    if stream:  # no seeking back: sizes follow the data in descriptors
        f.seekable = lambda: False
    with zipfile.ZipFile(f, "w", method) as z:
        for name, contents in members:
            info = zipfile.ZipInfo(name)
            info.compress_type = method
            with z.open(info, "w", force_zip64=stream) as m:
                m.write(contents)
    return f.getvalue()


def patched(contents, at, new):
    return contents[:at] + new + contents[at + len(new):]


def main(folder):
    torch.manual_seed(8)
    state = collections.OrderedDict()
    state["embed.weight"] = torch.randn(16, 8).to(torch.bfloat16)
    state["layer.weight"] = torch.randn(8, 8).to(torch.float16)
    state["layer.bias"] = torch.randn(8)
    state["head.weight"] = state["embed.weight"]
    state["steps"] = torch.tensor([7])
    state["mask"] = torch.tensor([True, False, True])
    state["empty"] = torch.zeros(0)
    plain = saved(state)
    first = plain.index(b"PK\1\2")
    pickled = pickle.dumps({"a": 1, "b": "two", "c": [1.5, None, (1, 2)]}, 4)
    files = {
        "good_state": plain,
        "good_nested": saved({"epoch": 3, "state_dict": dict(state), "lr": 1e-4}),
        "good_parameter": saved({"w": torch.nn.Parameter(torch.randn(4, 4))}),
        "good_view": saved({"part": torch.arange(32.0)[8:16]}),
        "good_protocol4": saved(state, pickle_protocol=4),
        "good_module": saved(torch.nn.Linear(4, 3)),
        "good_streamed": zipped([("m/data.pkl", pickled), ("m/data/0", b"0123456789")], stream=True),
        "good_packed": zipped([("m/data.pkl", pickled)]),
        "odd_opcode": zipped([("m/data.pkl", b"\x80\x02\xff."), ("m/data/0", b"0123")]),
        "odd_memo": zipped([("m/data.pkl", b"\x80\x02}r\xff\xff\xff\x7f."), ("m/data/0", b"0123")]),
        "odd_stack": zipped([("m/data.pkl", b"\x80\x02uuu."), ("m/data/0", b"0123")]),
        "odd_numbers": zipped([("m/data.pkl",
            b"\x80\x02}X\x01\0\0\0a((X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\0"
            b"0X\x03\0\0\0cpu\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7ftQtRs."), ("m/data/0", b"0123")]),
        "bad_pickle_packed": zipped([("m/data.pkl", pickled * 9)], zipfile.ZIP_DEFLATED),
        "bad_cut": plain[:-30],
        "bad_directory": patched(plain, first, b"PK\1\3"),
        "bad_encrypted": patched(plain, first + 8, b"\1\0"),
        "bad_local": patched(plain, 0, b"PK\3\4" + plain[4:8] + b"\x08\0"),
        "bad_size": patched(plain, first + 20, b"\xff\xff\xff\x7f\xff\xff\xff\x7f"),
        "other_npz": zipped([("a.npy", b"\x93NUMPY")]),
        "other_empty_zip": b"PK\5\6" + bytes(18),
        "other_legacy": saved(state, _use_new_zipfile_serialization=False),
        "other_nothing": b"",
    }
    # a second entry that points to the first one's data
    two = zipped([("m/data/0", b"0123"), ("m/data/1", b"4567"), ("m/data.pkl", pickled)])
    second = two.index(b"PK\1\2", two.index(b"PK\1\2") + 4)
    files["bad_overlap"] = patched(two, second + 42, b"\0\0\0\0")
    # packed storage: counted, not located
    f = io.BytesIO()
    with zipfile.ZipFile(f, "w") as z:
        z.writestr("m/data.pkl", pickled)
        z.writestr(zipfile.ZipInfo("m/data/0"), b"x" * 100, zipfile.ZIP_DEFLATED)
        z.writestr("m/data/1", b"y" * 100)
    files["good_packed"] = f.getvalue()
    # zip64 end records
    f = zipped([("m/data.pkl", pickled), ("m/data/0", b"0123456789")])
    at = f.rindex(b"PK\5\6")
    files["bad_pieces"] = patched(f, at + 4, b"\1\0")
    files["bad_entries"] = patched(f, at + 8, b"\xff\0\xff\0")
    size, offset = struct.unpack("<II", f[at + 12:at + 20])
    end = struct.pack("<IQHHIIQQQQ", 0x06064b50, 44, 45, 45, 0, 0, 2, 2, size, offset)
    files["good_zip64"] = (f[:at] + end + struct.pack("<IIQI", 0x07064b50, 0, at, 1)
                           + struct.pack("<IHHHHIIH", 0x06054b50, 0, 0, 0xffff, 0xffff,
                                         0xffffffff, 0xffffffff, 0))
    files["bad_zip64"] = patched(files["good_zip64"], at + 32, b"\xff" * 8)
    for name, contents in files.items():
        with open(os.path.join(folder, name), "wb") as out:
            out.write(contents)


main(sys.argv[1])
