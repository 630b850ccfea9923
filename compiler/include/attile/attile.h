// All of Attile: describe an attention, compile it, launch it on tensors in memory.
//
//     attile::Result<attile::Spec> spec = attile::Spec::load("gemma2.attn");
//     attile::Result<attile::Package> package = attile::compile(*spec);
//     attile::Result<attile::Device> device = attile::Device::open("cpu");
//     attile::Result<attile::Kernel> kernel = device->load(*package);
//     kernel->launch({.q = q, .k = k, .v = v, .o = o, .params = {{"window", 512}}});
//
// Programs that only launch packages include <attile/device.h> and link attile::runtime alone.
#pragma once

#include <attile/compiler.h>
#include <attile/device.h>
#include <attile/package.h>
#include <attile/result.h>
#include <attile/tensor.h>
