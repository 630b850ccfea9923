#!/usr/bin/env python3
"""attile-emu: a kernel from the command line, with arrays in .npy files, and what it refuses."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy

TOOL = sys.argv[1]
KERNEL = """
.version 8.0
.target sm_75
.address_size 64
.visible .entry twice(.param .u64 x, .param .u64 y, .param .u32 n)
{
  .reg .pred %p<2>;
  .reg .b32 %r<6>;
  .reg .b64 %rd<6>;
  mov.u32 %r1, %ctaid.x;
  mov.u32 %r2, %ntid.x;
  mov.u32 %r3, %tid.x;
  mad.lo.s32 %r4, %r1, %r2, %r3;
  ld.param.u32 %r5, [n];
  setp.ge.u32 %p1, %r4, %r5;
  @%p1 bra done;
  ld.param.u64 %rd1, [x];
  ld.param.u64 %rd2, [y];
  mul.wide.u32 %rd3, %r4, 4;
  add.s64 %rd4, %rd1, %rd3;
  add.s64 %rd5, %rd2, %rd3;
  ld.global.u32 %r1, [%rd4];
  add.s32 %r1, %r1, %r1;
  st.global.u32 [%rd5], %r1;
done:
  ret;
}
"""
# y[i] = x[i] for elements of `size` bytes, a byte at a time.
COPY = """
.version 8.0
.target sm_75
.address_size 64
.visible .entry copy(.param .u64 x, .param .u64 y, .param .u32 size)
{
  .reg .pred %p<2>;
  .reg .b32 %r<6>;
  .reg .b64 %rd<6>;
  mov.u32 %r1, %tid.x;
  ld.param.u32 %r2, [size];
  ld.param.u64 %rd1, [x];
  ld.param.u64 %rd2, [y];
  mul.wide.u32 %rd3, %r1, %r2;
  add.s64 %rd1, %rd1, %rd3;
  add.s64 %rd2, %rd2, %rd3;
again:
  ld.global.u8 %r3, [%rd1];
  st.global.u8 [%rd2], %r3;
  add.s64 %rd1, %rd1, 1;
  add.s64 %rd2, %rd2, 1;
  sub.s32 %r2, %r2, 1;
  setp.ne.s32 %p1, %r2, 0;
  @%p1 bra again;
  ret;
}
"""
APPROXIMATE = """
.version 8.0
.target sm_75
.address_size 64
.visible .entry approximate(.param .u64 y)
{
  .reg .b32 %r<2>;
  .reg .f32 %f<3>;
  .reg .b64 %rd<4>;
  mov.u32 %r1, %tid.x;
  ld.param.u64 %rd1, [y];
  mul.wide.u32 %rd2, %r1, 4;
  add.s64 %rd3, %rd1, %rd2;
  cvt.rn.f32.u32 %f1, %r1;
  sin.approx.f32 %f2, %f1;
  st.global.f32 [%rd3], %f2;
  ret;
}
"""


def run(*arguments, status=0):
    done = subprocess.run([TOOL, *map(str, arguments)], capture_output=True, text=True, timeout=100)
    assert done.returncode == status, f"status {done.returncode}, not {status}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def expect(text, part):
    assert part in text, f"no {part!r} in\n{text}"


with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    ptx, x, y = folder / "twice.ptx", folder / "x.npy", folder / "y.npy"
    ptx.write_text(KERNEL)
    values = numpy.arange(1000, dtype=numpy.int32)
    numpy.save(x, values)
    arguments = ["--arg", f"in:{x}", "--arg", f"out:i32[1000]={y}", "--arg", "u32:1000"]
    shape = ["--grid", "4", "--block", "256"]

    expect(run(ptx, *shape, *arguments), "twice: CUDA_SUCCESS")
    assert (numpy.load(y) == 2 * values).all()

    result = json.loads(run(ptx, *shape, *arguments, "--json", "--seeds", 3, "--mode", "scheduled", "--counters", 1))
    assert result["ok"] and len(result["runs"]) == 3, result
    assert result["runs"][0]["report"]["counters"][0]["totals"]["unique_written_bytes"] == 4000, result

    # A person is shown counters, too.
    expect(run(ptx, *shape, *arguments, "--counters", 1), "unique_written_bytes")

    # Every element type goes through a file and back bit by bit, by its own name and by the file's.
    copy = folder / "copy.ptx"
    copy.write_text(COPY)
    grid = ["--grid", 1, "--block", 64]
    seed = int.from_bytes(os.urandom(4), "little")
    print("seed", seed)
    draw = numpy.random.default_rng(seed)
    for kind, code in {"f64": "f8", "f32": "f4", "f16": "f2", "bf16": "u2", "e4m3": "u1", "e5m2": "u1", "i8": "i1", "i16": "i2",
                       "i32": "i4", "i64": "i8", "u8": "u1", "u16": "u2", "u32": "u4", "u64": "u8"}.items():
        bytes_ = numpy.dtype(code).itemsize
        values = draw.integers(0, 256, 64 * bytes_, dtype=numpy.uint8).view(code)
        numpy.save(x, values.reshape(8, 8))
        for given in (f"in:{x}", f"{kind}:@{x}", f"{kind}[8,8]:@{x}"):
            run(copy, *grid, "--arg", given, "--arg", f"out:{kind}[8,8]={y}", "--arg", f"u32:{bytes_}")
            back = numpy.load(y)
            assert back.dtype == values.dtype and back.shape == (8, 8) and back.tobytes() == values.tobytes(), (kind, given, back)
        run(copy, *grid, "--arg", f"zeros:{kind}[64]", "--arg", f"full:{kind}[64]:3={y}", "--arg", f"u32:{bytes_}")
        assert not numpy.load(y).any(), kind
        for filled in (f"full:{kind}[64]:3", f"random:{kind}[64]:{seed}", f"random:{kind}[64]:{seed + 1}"):
            run(copy, *grid, "--arg", filled, "--arg", f"out:{kind}[64]={folder / filled[0]}{kind}{filled[-1]}.npy", "--arg", f"u32:{bytes_}")
        three = {"bf16": 0x4040, "e4m3": 0x44, "e5m2": 0x42}.get(kind, 3)
        assert (numpy.load(folder / f"f{kind}3.npy") == three).all(), kind
        first, second = (numpy.load(folder / f"r{kind}{str(s)[-1]}.npy") for s in (seed, seed + 1))
        assert len(set(first.tolist())) > 8 and (first != second).any(), kind

    # Numbers become the nearest value, ties the even one; what is too large infinity, or the only NaN.
    for given, bits in {"e4m3:448": 0x7e, "e4m3:-480": 0xff, "e4m3:1.0625": 0x38, "e4m3:0.001": 0x01, "e5m2:61440": 0x7c, "e5m2:-inf": 0xfc, "e5m2:1e-9": 0,
                        "f16:65519": 0x7bff, "f16:65520": 0x7c00, "f16:5.9604644775390625e-8": 1, "bf16:1.00390625": 0x3f80, "bf16:1.01171875": 0x3f82, "bf16:nan": 0x7fff}.items():
        kind, value = given.split(":")
        run(copy, *grid, "--arg", f"full:{kind}[64]:{value}", "--arg", f"out:{kind}[64]={y}", "--arg", f"u32:{1 if kind[0] == 'e' else 2}")
        assert (numpy.load(y).view(f"u{numpy.load(y).itemsize}") == bits).all(), (given, numpy.load(y)[0])

    # bfloat16 and float8 as ml_dtypes writes them, and Fortran order.
    numpy.save(x, draw.integers(0, 65536, 64, dtype=numpy.uint16).view("V2"))
    run(copy, *grid, "--arg", f"bf16:@{x}", "--arg", f"out:bf16[64]={y}", "--arg", "u32:2")
    assert numpy.load(x).tobytes() == numpy.load(y).tobytes()
    matrix = draw.random((2, 4, 8))
    numpy.save(x, numpy.asfortranarray(matrix))
    run(copy, *grid, "--arg", f"f64:@{x}", "--arg", f"out:f64[2,4,8]={y}", "--arg", "u32:8")
    assert (numpy.load(y) == matrix).all()

    # Two integers of 4 bits in a byte.
    packed = draw.integers(0, 256, (4, 8), dtype=numpy.uint8)
    half = ["--grid", 1, "--block", 32]
    for kind, value in {"i4": -3, "u4": 13}.items():
        numpy.save(x, packed)
        run(copy, *half, "--arg", f"{kind}[4,16]:@{x}", "--arg", f"out:{kind}[4,16]={y}", "--arg", "u32:1")
        assert numpy.load(y).dtype == numpy.uint8 and (numpy.load(y) == packed).all(), numpy.load(y)
        run(copy, *half, "--arg", f"full:{kind}[64]:{value}", "--arg", f"out:{kind}[64]={y}", "--arg", "u32:1")
        assert numpy.load(y).shape == (32,) and (numpy.load(y) == 0xdd).all(), numpy.load(y)
        drawn = []
        for number in (seed, seed + 1):
            run(copy, *half, "--arg", f"random:{kind}[64]:{number}", "--arg", f"out:{kind}[64]={y}", "--arg", "u32:1")
            drawn.append(numpy.load(y))
        assert (drawn[0] != drawn[1]).any() and len(set((drawn[0] & 15).tolist())) > 4 and len(set((drawn[0] >> 4).tolist())) > 4, drawn
    for argument, part, status in ((f"i4[4,8]:@{x}", "expected shape [4, 8], got [4, 16]", 1), ("zeros:u4[2,3]", "odd last extent", 2), ("i4:3", "a parameter has no type of 4 bits", 2),
                                   ("full:i4[4]:8", "'8' is not a number of type i4", 2), ("full:u4[4]:-1", "'-1' is not a number of type u4", 2)):
        expect(run(copy, *half, "--arg", argument, "--arg", "out:u8[32]", "--arg", "u32:1", status=status), part)
    numpy.save(x, numpy.asfortranarray(matrix))

    # What is refused.
    def refused(argument, part, status=1):
        expect(run(copy, *grid, "--arg", argument, "--arg", "out:f64[64]", "--arg", "u32:8", status=status), part)
    refused(f"f32:@{x}", "expected elements of type f32 (NumPy's f4), got f8")
    refused(f"f64[64]:@{x}", "expected rank 1, got rank 3 of shape [2, 4, 8]")
    refused(f"f64[2,8,4]:@{x}", "expected shape [2, 8, 4], got [2, 4, 8]")
    numpy.save(x, matrix.astype(">f8"))
    refused(f"f64:@{x}", "expected a little-endian .npy file")
    numpy.save(x, matrix.astype("c16"))
    refused(f"in:{x}", "got '<c16'")
    refused("f8:1", "'f8' is no kind of argument", 2)
    refused("zeros:f64", "has no shape", 2)
    refused("zeros:f64[0]", "'0' is not an extent", 2)
    numpy.save(x, numpy.zeros((0, 3)))
    refused(f"in:{x}", "the array of shape [0, 3] has no elements")
    for seeds in (0, -1):
        text = run(copy, *grid, "--seeds", seeds, status=2)
        assert "--seeds" in text and len(text) < 200, text
    refused("zeros:f64[4096,4294967296,4096]", "does not fit the device", 2)
    refused("full:i8[4]:128", "'128' is not a number of type i8", 2)
    refused("u8:-1", "'-1' is not a number of type u8", 2)
    values = numpy.arange(1000, dtype=numpy.int32)
    numpy.save(x, values)

    # Options of the emulator.
    expect(run(ptx, *shape, *arguments, "--most-instructions", 5, status=1), "CUDA_ERROR_LAUNCH_TIMEOUT")
    run(ptx, *shape, *arguments, "--matrix", "truncating", "--workers", 1, "--most-instructions", 100000)
    expect(run(ptx, *shape, *arguments, "--matrix", "rounded", status=2), "option 'matrix' is exact or truncating")
    expect(run(ptx, *shape, *arguments, "--workers", "many", status=2), "option 'workers' is a number")
    expect(run(ptx, *shape, *arguments, "--counters", "/no/such/folder/counters.json", status=1), "cannot write the counters to '/no/such/folder/counters.json'")
    approximate = folder / "approximate.ptx"
    approximate.write_text(APPROXIMATE)
    results = []
    for number in (0, 1, 1):
        run(approximate, "--block", 256, "--arg", f"out:f32[256]={y}", "--seed", number)
        results.append(numpy.load(y).tobytes())
    assert results[0] != results[1] and results[1] == results[2]
    text = run("--help")
    for option in ("matrix", "workers", "most-instructions", "seed", "jobs", "shared"):
        assert "default" in text.split(f"--{option} ")[1].split("--")[0], option

    # Seeds run side by side; what is said does not depend on how many at a time, and stands in their order.
    racing = folder / "racing.ptx"
    racing.write_text(KERNEL.replace("st.global.u32 [%rd5], %r1;", "atom.global.exch.b32 %r1, [%rd2], %r4;").replace("setp.ge.u32 %p1, %r4, %r5;\n  @%p1 bra done;", ""))
    last = folder / "last.npy"
    numpy.save(last, numpy.zeros(1, dtype=numpy.int32))
    once = ["--arg", f"in:{x}", "--arg", f"inout:{last}={y}", "--arg", "u32:1000", "--grid", 3, "--block", 64, "--mode", "scheduled", "--seed", 5]
    texts = [run(racing, *once, "--json", "--seeds", 7, "--jobs", jobs, status=1) for jobs in (1, 2, 7, 20)]
    assert all(json.loads(text)["differing_outputs"] > 0 for text in texts), texts
    assert [one["seed"] for one in json.loads(texts[0])["runs"]] == list(range(5, 12)), texts[0]
    assert len(set(texts)) == 1, texts
    outputs = []
    for jobs in (1, 3):
        run(racing, *once, "--seeds", 4, "--jobs", jobs, status=1)
        outputs.append(numpy.load(y)[0])
    run(racing, *once, "--seeds", 1)
    assert outputs == [numpy.load(y)[0]] * 2, outputs
    for jobs in (1, 3):
        expect(run(ptx, "--arg", "u32:1", "--seeds", 5, "--jobs", jobs, status=2), "'twice' has 3 parameters")

    y.unlink()
    job = folder / "job.json"
    job.write_text(json.dumps({"kernel": "twice", "grid": "4", "block": "256", "args": [a for a in arguments if a != "--arg"]}))
    run(ptx, "--args", job, "--target", "sm_75")
    assert (numpy.load(y) == 2 * values).all()

    expect(run(ptx, *shape, "--arg", f"in:{x}", "--arg", "out:i32[900]", "--arg", "u32:1000", status=1), "CUDA_ERROR_ILLEGAL_ADDRESS")
    finding = json.loads(run(ptx, *shape, "--arg", f"in:{x}", "--arg", "out:i32[900]", "--arg", "u32:1000", "--json", status=1))["runs"][0]["report"]["findings"][0]
    assert finding["kind"] == "out-of-bounds" and finding["kernel"] == "twice" and finding["ptx"] == "st.global.u32 [%rd5], %r1;", finding
    assert finding["block"] == [3, 0, 0] and finding["thread"] == [900 - 768, 0, 0] and finding["space"] == "global" and finding["bytes"] == 4, finding
    assert finding["actual"] and finding["expected"] and finding["text"].startswith("out-of-bounds: "), finding
    expect(run(ptx, "--block", 1025, *arguments, status=1), "CUDA_ERROR_INVALID_VALUE")
    expect(run(ptx, "--kernel", "thrice", status=2), "its kernels: twice")
    expect(run(ptx, "--arg", "u32:1", status=2), "'twice' has 3 parameters, but 1 arguments are given")
    expect(run(ptx, *arguments[:4], "--arg", "u64:1", status=2), "has 8 bytes, but parameter 2 of 'twice' has 4")
    expect(run(ptx, "--target", "sm_1", status=2), "no chip is called 'sm_1'")
    expect(run(folder / "absent.ptx", status=3), "cannot read")
    ptx.write_text(KERNEL.replace("mad.lo", "mad.low"))
    expect(run(ptx, *shape, *arguments, status=1), "CUDA_ERROR_INVALID_PTX")
