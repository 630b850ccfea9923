#!/usr/bin/env python3
"""attile-emu: a kernel from the command line, with arrays in .npy files, and what it refuses."""
import json
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

    # A person is shown counters, too; and an array whose elements would have to be converted is refused.
    expect(run(ptx, *shape, *arguments, "--counters", 1), "unique_written_bytes")
    doubles = folder / "doubles.npy"
    numpy.save(doubles, numpy.zeros(1000))
    expect(run(ptx, *shape, "--arg", f"in:{doubles}", *arguments[2:], status=1), "holds f8, expected f4")

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
    expect(run(ptx, "--block", 1025, *arguments, status=1), "CUDA_ERROR_INVALID_VALUE")
    expect(run(ptx, "--kernel", "thrice", status=2), "its kernels: twice")
    expect(run(ptx, "--arg", "u32:1", status=2), "'twice' has 3 parameters, but 1 arguments are given")
    expect(run(ptx, *arguments[:4], "--arg", "u64:1", status=2), "has 8 bytes, but parameter 2 of 'twice' has 4")
    expect(run(ptx, "--target", "sm_1", status=2), "no chip is called 'sm_1'")
    expect(run(folder / "absent.ptx", status=3), "cannot read")
    ptx.write_text(KERNEL.replace("mad.lo", "mad.low"))
    expect(run(ptx, *shape, *arguments, status=1), "CUDA_ERROR_INVALID_PTX")
