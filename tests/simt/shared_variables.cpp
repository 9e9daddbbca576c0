// Which variables are __shared__? The emulator compiles them as function-local statics, and the program's own symbol
// table names those `_ZZ<kernel>E<name>`: addresses, sizes and names, exactly.
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <map>
#include <string_view>

#include "tests/demangled.h"
#include "tests/simt/simt/machine.h"

namespace simt {
namespace {

struct Symbol {
  char* data;
  std::size_t bytes;
  const char* name;
};

struct Symbols {
  std::map<const void*, const char*> functions;
  std::vector<Symbol> local_statics;
};

/// This program, mapped for as long as it runs.
const char* map_self() {
  const int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  struct stat st {};
  if (fd < 0 || fstat(fd, &st) != 0) throw Error("simt: /proc/self/exe cannot be read");
  void* p = mmap(nullptr, static_cast<std::size_t>(st.st_size), PROT_READ, MAP_PRIVATE, fd, 0);
  close(fd);
  if (p == MAP_FAILED) throw Error("simt: /proc/self/exe cannot be mapped");
  return static_cast<const char*>(p);
}

std::uintptr_t load_address() {
  std::uintptr_t base = 0;
  const auto first = [](dl_phdr_info* i, std::size_t, void* out) {
    *static_cast<std::uintptr_t*>(out) = i->dlpi_addr;
    return 1;  // the program comes first
  };
  dl_iterate_phdr(first, &base);
  return base;
}

void add_symbol(Symbols& all, const ElfW(Sym) & s, const char* names, std::uintptr_t base) {
  const int type = ELF64_ST_TYPE(s.st_info);
  char* const p = reinterpret_cast<char*>(base + s.st_value);
  const std::string_view name = names + s.st_name;
  if (type == STT_FUNC && s.st_value) all.functions.emplace(p, name.data());
  if (type == STT_OBJECT && name.starts_with("_ZZ")) all.local_statics.push_back({p, s.st_size, name.data()});
}

Symbols read_symbols() {
  const char* file = map_self();
  const std::uintptr_t base = load_address();
  const auto* header = reinterpret_cast<const ElfW(Ehdr)*>(file);
  const auto* sections = reinterpret_cast<const ElfW(Shdr)*>(file + header->e_shoff);
  Symbols all;
  for (int i = 0; i < header->e_shnum; i++) {
    if (sections[i].sh_type != SHT_SYMTAB) continue;
    const auto* symbols = reinterpret_cast<const ElfW(Sym)*>(file + sections[i].sh_offset);
    const char* names = file + sections[sections[i].sh_link].sh_offset;
    for (std::size_t k = 0; k < sections[i].sh_size / sizeof(ElfW(Sym)); k++) add_symbol(all, symbols[k], names, base);
  }
  if (all.functions.empty()) throw Error("simt: this program is stripped; the emulator needs its symbol table");
  return all;
}

const Symbols& symbols() {
  static const Symbols all = read_symbols();
  return all;
}

const char* mangled(const void* kernel) {
  const auto it = symbols().functions.find(kernel);
  return it == symbols().functions.end() ? "" : it->second;
}

}  // namespace

const char* kernel_name(const void* kernel) {
  static std::map<const void*, std::string> names;
  const auto known = names.find(kernel);
  if (known != names.end()) return known->second.c_str();
  return names.emplace(kernel, sumi::test::demangled(mangled(kernel))).first->second.c_str();
}

const std::vector<SharedVariable>& shared_variables(const void* kernel) {
  static std::map<const void*, std::vector<SharedVariable>> of_kernel;
  const auto known = of_kernel.find(kernel);
  if (known != of_kernel.end()) return known->second;
  std::vector<SharedVariable> found;
  const std::string_view name = mangled(kernel);
  if (name.starts_with("_Z")) {
    const std::string prefix = "_ZZ" + std::string(name.substr(2)) + "E";
    for (const Symbol& s : symbols().local_statics)
      if (std::string_view(s.name).starts_with(prefix)) found.push_back({s.data, s.bytes, s.name + prefix.size()});
  }
  return of_kernel.emplace(kernel, std::move(found)).first->second;
}

}  // namespace simt
