"""Changes one byte in the middle of every entry of a cache."""
import pathlib
import sys

changed = 0
for path in pathlib.Path(sys.argv[1]).rglob("*"):
    if path.is_file() and path.suffix != ".pkg" and path.stat().st_size > 1000:
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
        changed += 1
sys.exit(changed == 0)
