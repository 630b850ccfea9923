# Tests of IR stages and of the command line: RUN lines in the files themselves. Run one by hand with
#   lit-22 -v build/tests --filter name
import json
import os
import subprocess

import lit.formats

config.name = "attile"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".attn", ".test"]
config.excludes = ["unit", "fuzz", "conformance", "Inputs"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.attile_build, "tests")

# attile, attile-opt and the test helpers come from the build; FileCheck, not and split-file from LLVM.
config.environment["PATH"] = os.pathsep.join(
    [config.attile_bin, config.llvm_tools, os.environ["PATH"]]
)
config.substitutions += [
    ("%examples", os.path.join(config.attile_source, "examples")),
    ("%source", config.attile_source),
    ("%build", config.attile_build),
    ("%python", config.python),
]

# NVRTC makes kernels for GPUs; without it those tests are skipped, and counted as such.
devices = subprocess.run([os.path.join(config.attile_bin, "attile"), "devices", "--json"], stdout=subprocess.PIPE)
if devices.returncode == 0:
    tools = json.loads(devices.stdout)["tools"]
    config.available_features.update(tool["name"] for tool in tools if tool["available"])
