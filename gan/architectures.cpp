#include <algorithm>
#include <array>
#include <optional>

#include "gan/animeganv2.h"
#include "gan/cartoongan.h"
#include "gan/faststyle.h"
#include "gan/generator.h"
#include "gan/lengstrom.h"

namespace sumi {
namespace {

using Metadata = std::map<std::string, std::string>;

constexpr PixelFormat kBytes{.offset = 0, .divisor = 1, .out_scale = 1, .out_offset = 0};
constexpr PixelFormat kCentred{.offset = 127.5, .divisor = 64, .out_scale = 255, .out_offset = 0};

std::string_view value(const Metadata& metadata, const char* key) {
  const auto found = metadata.find(key);
  return found == metadata.end() ? std::string_view() : std::string_view(found->second);
}

/// Tensors that no other architecture has.
constexpr std::string_view kCartoonGanMark = "conv01_1.weight", kFaststyleMark = "conv1.conv2d.weight",
                           kLengstromMark = "conv_out.norm.weight", kAnimeGanMark = "block_a.0.1.weight";

/// By the metadata's name where that is one of ours (files of others say all kinds of things there), else by the
/// architecture's mark.
bool is(const StateDict& state, const Metadata& metadata, std::string_view name, std::string_view mark) {
  const std::string_view said = value(metadata, "architecture");
  const bool ours = std::ranges::any_of(architectures(), [&](const Architecture& a) { return a.name == said; });
  return ours ? said == name : state.contains(mark);
}

bool centred(const Metadata& metadata) { return value(metadata, "pixels") == "centered_sigmoid"; }
bool is_faststyle(const StateDict& s, const Metadata& m) { return is(s, m, "faststyle", kFaststyleMark); }

/// A network that will be loaded needs no random weights.
std::optional<std::uint64_t> seed_without(const StateDict* state, std::uint64_t seed) {
  return state ? std::nullopt : std::optional(seed);
}

std::unique_ptr<Generator> make_faststyle(const ContextPtr& context, std::uint64_t seed, const StateDict* state,
                                          bool sigmoid) {
  FaststyleOptions options = state ? Faststyle::options_of(*state) : FaststyleOptions{};
  options.sigmoid = sigmoid;
  return std::make_unique<Faststyle>(context, seed_without(state, seed), options);
}

constexpr auto kArchitectures = std::to_array<Architecture>({
    {.name = "cartoongan",
     .title = "CartoonGAN (Chen et al. 2018)",
     .pixels = {.bgr = true},
     .multiple = 4,
     .minimum = 8,
     .mark = kCartoonGanMark,
     .recognise = [](const StateDict& s, const Metadata& m) { return is(s, m, "cartoongan", kCartoonGanMark); },
     .make = [](const ContextPtr& c, std::uint64_t seed, const StateDict* s) -> std::unique_ptr<Generator> {
       return std::make_unique<CartoonGan>(c, seed_without(s, seed), width_in(s, kCartoonGanMark, 0, 64));
     }},
    {.name = "faststyle_sigmoid",
     .title = "Feed-forward style (Johnson et al. 2016), bounded output",
     .pixels = kCentred,
     .multiple = 4,
     .minimum = 8,
     .mark = kFaststyleMark,
     .recognise =
         [](const StateDict& s, const Metadata& m) {
           return value(m, "architecture") == "faststyle_sigmoid" || (is_faststyle(s, m) && centred(m));
         },
     .make = [](const ContextPtr& c, std::uint64_t seed,
                const StateDict* s) { return make_faststyle(c, seed, s, true); }},
    {.name = "faststyle",
     .title = "Feed-forward style (Johnson et al. 2016; pytorch/examples)",
     .pixels = kBytes,
     .multiple = 4,
     .minimum = 8,
     .mark = kFaststyleMark,
     .recognise = is_faststyle,
     .make = [](const ContextPtr& c, std::uint64_t seed,
                const StateDict* s) { return make_faststyle(c, seed, s, false); }},
    {.name = "lengstrom",
     .title = "Feed-forward style (Johnson et al. 2016; fast-style-transfer)",
     .pixels = kBytes,
     .multiple = 4,
     .minimum = 4,
     .mark = kLengstromMark,
     .recognise = [](const StateDict& s, const Metadata& m) { return is(s, m, "lengstrom", kLengstromMark); },
     .make = [](const ContextPtr& c, std::uint64_t seed, const StateDict* s) -> std::unique_ptr<Generator> {
       return std::make_unique<Lengstrom>(c, seed_without(s, seed), width_in(s, "conv1.weight", 0, 32));
     }},
    {.name = "animeganv2",
     .title = "AnimeGANv2 (Chen et al. 2019)",
     .pixels = {},
     .multiple = 4,
     .minimum = 8,
     .mark = kAnimeGanMark,
     .recognise = [](const StateDict& s, const Metadata& m) { return is(s, m, "animeganv2", kAnimeGanMark); },
     .make = [](const ContextPtr& c, std::uint64_t seed, const StateDict* s) -> std::unique_ptr<Generator> {
       return std::make_unique<AnimeGanV2>(c, seed_without(s, seed), width_in(s, kAnimeGanMark, 0, 32));
     }},
});

}  // namespace

std::span<const Architecture> architectures() { return kArchitectures; }

std::string architecture_names() {
  std::string list;
  for (const Architecture& a : kArchitectures) list += concat(list.empty() ? "" : ", ", a.name);
  return list;
}

const Architecture& architecture_named(std::string_view name) {
  for (const Architecture& a : kArchitectures)
    if (a.name == name) return a;
  fail("architecture '", name, "' is not one of ", architecture_names());
}

}  // namespace sumi
