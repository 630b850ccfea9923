// attile devices: what is here to run and compile with, what is missing, how to get it.
#include "tools/attile/command.h"
#include "tools/attile/report.h"

#include <attile/compiler.h>
#include <attile/cpu_info.h>
#include <attile/device.h>
#include <fmt/core.h>

attile::cli::Run attile::cli::declare_devices(CLI::App& app) {
  auto json = std::make_shared<bool>(false);
  app.add_flag("--json", *json, "print facts as JSON");
  return [json]() -> Result<int> {
    std::vector<DeviceInfo> devices = Device::list();
    const CpuInfo& cpu = cpu_info();
    if (*json) {
      Json list = Json::array();
      for (const DeviceInfo& device : devices)
        list.push_back({{"name", device.name},
                        {"description", device.description},
                        {"available", device.available},
                        {"missing", device.missing}});
      Json tools = Json::array();
      for (const GpuTool& tool : gpu_tools())
        tools.push_back({{"name", tool.name},
                         {"description", tool.description},
                         {"available", tool.available},
                         {"missing", tool.missing}});
      print_json({{"devices", list},
                  {"tools", tools},
                  {"cpu",
                   {{"arch", cpu.arch},
                    {"vendor", cpu.vendor},
                    {"brand", cpu.brand},
                    {"level", cpu.level()},
                    {"features", cpu.features},
                    {"cores", cpu.cores},
                    {"threads", cpu.threads},
                    {"l1d_bytes", cpu.l1d_bytes},
                    {"l2_bytes", cpu.l2_bytes},
                    {"l3_bytes", cpu.l3_bytes}}}});
      return 0;
    }
    for (const DeviceInfo& device : devices)
      fmt::print("{:<16}{:<9}{}\n", device.name, device.available ? "here" : "missing",
                 device.available ? device.description : device.missing);
    for (const GpuTool& tool : gpu_tools())
      fmt::print("{:<16}{:<9}{}\n", tool.name, tool.available ? "here" : "missing",
                 tool.available ? tool.description : tool.missing);
    return 0;
  };
}
