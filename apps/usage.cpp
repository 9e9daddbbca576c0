#include "apps/usage.h"

#include <CLI/CLI.hpp>

#include "apps/suggest.h"

namespace sumi {
namespace {

std::vector<std::string> names_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* o : app.get_options()) {
    for (const auto& l : o->get_lnames()) names.push_back("--" + l);
    for (const auto& s : o->get_snames()) names.push_back("-" + s);
  }
  return names;
}

bool is_number(const std::string& s) {
  char* end = nullptr;
  std::strtod(s.c_str(), &end);
  return end == s.c_str() + s.size();
}

void check_option(const CLI::App& app, const std::string& argument) {
  const auto names = names_of(app);
  std::string name = argument.substr(0, argument.find('='));
  const bool is_short = !name.starts_with("--");
  if (is_short) name = name.substr(0, 2);  // -oFILE
  if (std::ranges::find(names, name) != names.end()) return;
  const std::string written = argument.substr(0, argument.find('='));
  throw UsageError(concat("unknown option ", written, " for 'sumi ", app.get_name(), "'",
                          written.size() == 2 ? "" : did_you_mean(is_short ? "-" + written : written, names),
                          "\n      'sumi ", app.get_name(), " --help' lists them all"));
}

}  // namespace

void check_arguments(const CLI::App& program, const std::vector<std::string>& arguments) {
  const CLI::App* sub = nullptr;
  std::vector<std::string> commands;
  for (const CLI::App* s : program.get_subcommands({})) commands.push_back(s->get_name());
  for (const std::string& a : arguments) {
    if (a == "--") return;
    const bool option = a.size() > 1 && a[0] == '-' && !is_number(a);
    if (!sub && !option) {
      if (std::ranges::find(commands, a) != commands.end()) sub = program.get_subcommand(a);
      if (!sub)
        throw UsageError(concat("unknown command '", a, "'", did_you_mean(a, commands),
                                "\n      there are stylize, train, bench and info; 'sumi --help' explains them"));
    } else if (option) {
      check_option(sub ? *sub : program, a);
    }
  }
}

void check_repetition(const CLI::App& program) {
  for (const CLI::App* sub : program.get_subcommands())
    for (const CLI::Option* o : sub->get_options()) {
      const bool once =
          o->get_multi_option_policy() == CLI::MultiOptionPolicy::Throw && o->get_items_expected_max() == 1;
      check_usage(!once || o->count() <= 1, "option ", o->get_name(), " for 'sumi ", sub->get_name(), "' is given ",
                  o->count(), " times; give it once");
    }
}

}  // namespace sumi
