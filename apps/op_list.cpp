#include "apps/op_list.h"

#include <nlohmann/json.hpp>

#include "kernels/cases.h"
#include "kernels/tables.h"

namespace sumi {
namespace {

using nlohmann::json;

json dtypes_of(DTypes set) {
  json names = json::array();
  for (const DType t : {DType::f32, DType::f64, DType::f16, DType::bf16, DType::u8})
    if (set.has(t)) names.push_back(name_of(t));
  return names;
}

/// Rows ask which operands there are, never what is in them: one byte stands for all.
template <class Args>
Args with_operands(const Case<Args>& c, std::byte& anything) {
  Args a = c.args;
  for (const Operand& o : a.operands()) {
    *o.ref = TensorRef{.data = c.leaves_out(o) ? nullptr : &anything, .dtype = DType::f32};
  }
  return a;
}

template <class Args>
std::string typical_row(const Context& ctx) {
  const auto cases = Cases<Args>::realistic();
  if (cases.empty()) return "";
  std::byte anything{};
  const Args a = with_operands(cases.front(), anything);
  if (const auto forced = ctx.forced_row(Args::op); !forced.empty()) return std::string(forced);
  for (const Variant<Args>& v : Args::table())
    if (acceptable(v, a, ctx)) return std::string(v.name);
  return "";
}

template <class Args>
json rows_of() {
  json rows = json::array();
  for (const Variant<Args>& v : Args::table())
    rows.push_back({{"name", v.name},
                    {"device", name_of(v.device)},
                    {"dtypes", dtypes_of(v.dtypes)},
                    {"deterministic", v.traits.deterministic},
                    {"tf32", v.traits.tf32}});
  return rows;
}

}  // namespace

json list_ops(const Context& ctx) {
  json ops = json::array();
  for_each_op([&]<class Args>(std::type_identity<Args>) {
    ops.push_back({{"name", Args::op}, {"typical", typical_row<Args>(ctx)}, {"rows", rows_of<Args>()}});
  });
  return ops;
}

}  // namespace sumi
