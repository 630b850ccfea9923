// RUN: attile-opt %s | FileCheck %s
// The tools are found and run; the dialects have their own folders.
// CHECK: func.func @f
func.func @f() { return }
