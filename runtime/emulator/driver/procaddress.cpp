// cuGetProcAddress: functions by their names without version suffix.
#include "emulator/driver/call.h"

#include <string_view>

namespace emu::abi {

using namespace emu::driver;

namespace {

// The function as a program gets it that wants a default stream for every thread.
template <auto function> struct PerThread;
template <class... Parameters, CUresult (*function)(Parameters...)> struct PerThread<function> {
  static CUresult call(Parameters... parameters) {
    const PerThreadDefault scope;
    return function(parameters...);
  }
};

struct Entry {
  std::string_view name;
  int since;
  void* function;
  void* per_thread;
};

const Entry entries[] = {
#define ATTILE_CU_FUNCTION(name, since, symbol, parameters)                                                  \
  {#name, since, reinterpret_cast<void*>(&symbol), reinterpret_cast<void*>(&PerThread<&symbol>::call)},
#include "emulator/driver/functions.def"
#undef ATTILE_CU_FUNCTION
    // Since CUDA 12 this is the name of the other.
    {"cuGraphInstantiate", 12000, reinterpret_cast<void*>(&cuGraphInstantiateWithFlags),
     reinterpret_cast<void*>(&PerThread<&cuGraphInstantiateWithFlags>::call)},
};

} // namespace

CUresult cuGetProcAddress_v2(const char* symbol, void** function, int version, cuuint64_t flags,
                             CUdriverProcAddressQueryResult* result) {
  if (symbol == nullptr || function == nullptr ||
      flags > (CU_GET_PROC_ADDRESS_LEGACY_STREAM | CU_GET_PROC_ADDRESS_PER_THREAD_DEFAULT_STREAM))
    return CUDA_ERROR_INVALID_VALUE;
  const Entry* best = nullptr;
  bool known = false;
  for (const Entry& entry : entries) {
    if (entry.name != symbol)
      continue;
    known = true;
    if (entry.since <= version && (best == nullptr || entry.since > best->since))
      best = &entry;
  }
  const bool per_thread = (flags & CU_GET_PROC_ADDRESS_PER_THREAD_DEFAULT_STREAM) != 0;
  *function = best == nullptr ? nullptr : per_thread ? best->per_thread : best->function;
  if (result != nullptr)
    *result = best != nullptr ? CU_GET_PROC_ADDRESS_SUCCESS
              : known         ? CU_GET_PROC_ADDRESS_VERSION_NOT_SUFFICIENT
                              : CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND;
  return best != nullptr || result != nullptr ? CUDA_SUCCESS : CUDA_ERROR_NOT_FOUND;
}

CUresult cuGetProcAddress(const char* symbol, void** function, int version, cuuint64_t flags) {
  return cuGetProcAddress_v2(symbol, function, version, flags, nullptr);
}

// Private tables, which the CUDA runtime library asks for: the emulator serves programs of the Driver API.
CUresult cuGetExportTable(const void** table, const CUuuid* id) {
  if (table != nullptr)
    *table = nullptr;
  return refuse(CUDA_ERROR_NOT_SUPPORTED,
                "the emulator has no private tables: the CUDA runtime library cannot use it");
}

} // namespace emu::abi
