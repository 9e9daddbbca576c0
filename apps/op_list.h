// Every op with its rows, as JSON.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "kernels/core/context.h"

namespace sumi {

/// [{name, typical, rows: [{name, device, dtypes, deterministic, tf32}]}]: `typical` is the row that runs an f32 case
/// of the size that networks use, or "" where none does.
nlohmann::json list_ops(const Context& ctx);

}  // namespace sumi
