// Anchor for the precompiled header that the MLIR-using libraries share.
