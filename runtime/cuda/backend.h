// GPUs as devices, through the CUDA driver: "cuda", "cuda:1"; and through the emulator: "emulator:sm_90a".
#pragma once

#include "launch/kernel_impl.h"

namespace attile::cuda {

Result<std::shared_ptr<DeviceImpl>> open(std::string_view name);
void list(std::vector<DeviceInfo>& devices);
Result<std::shared_ptr<DeviceImpl>> open_emulator(std::string_view name);
void list_emulator(std::vector<DeviceInfo>& devices);

inline constexpr Backend backend = {"cuda", open, list};
inline constexpr Backend emulator_backend = {"emulator", open_emulator, list_emulator};

} // namespace attile::cuda
