// The CPU as a device: "cpu".
#pragma once

#include "launch/kernel_impl.h"

namespace attile::cpu {

Result<std::shared_ptr<DeviceImpl>> open(std::string_view name);
void list(std::vector<DeviceInfo>& devices);

inline constexpr Backend backend = {"cpu", open, list};

} // namespace attile::cpu
