#!/usr/bin/env bash
# Three attentions on .npy inputs: how exact, how fast, and what one of them looks like on its way down.
set -euo pipefail
cd "$(dirname "$0")/.."
attile=build/bin/attile
inputs=build/demo
/usr/bin/python3 examples/make_inputs.py "$inputs"

show() { # show COMMAND...: as one would type it
  printf '\n$ %s\n' "${*//build\/bin\//}"
  "$@"
}

for name in full gemma2_local document; do
  files=(--q "$inputs/$name/q.npy" --k "$inputs/$name/k.npy" --v "$inputs/$name/v.npy")
  [[ $name == document ]] && files+=(--param "doc=@$inputs/$name/doc.npy")
  [[ $name == gemma2_local ]] && files+=(--param window=1024)
  printf '\n---- %s ----\n' "$name"
  cat "examples/$name.attn"
  show $attile run "examples/$name.attn" "${files[@]}" --check -o "$inputs/$name/o.npy"
  show $attile bench "examples/$name.attn" "${files[@]}"
done

printf '\n---- the stages of examples/full.attn, a few lines of each ----\n'
$attile inspect examples/full.attn --dump-dir "$inputs/stages"
excerpt() { # excerpt FILE PATTERN: from the first line with PATTERN
  printf '\n%s (%d lines):\n' "$inputs/stages/$1" "$(wc -l <"$inputs/stages/$1")"
  # awk reads to the end: closing a pipe early would stop the script (pipefail)
  awk -v from="$2" '$0 ~ from { on = 1 } on && shown < 8 { print substr($0, 1, 150); ++shown }' "$inputs/stages/$1"
}
excerpt 1-ast.txt attention
excerpt 2-attn.mlir attn.scores
excerpt 3-fold.mlir attn.fold
excerpt 4-tile.mlir tile.visit
excerpt 5-llvm.ll 'define.*full_main'
excerpt 6-asm.s vfmadd
