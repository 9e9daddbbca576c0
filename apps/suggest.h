// "Did you mean": the nearest known word.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace sumi {

/// Insertions, deletions, replacements and swaps of neighbours that turn a into b (Damerau 1964, restricted).
int edit_distance(std::string_view a, std::string_view b);

/// The nearest of `known` if it is within a third of the word's length (at least 2 edits), else "".
std::string nearest(std::string_view word, const std::vector<std::string>& known);

/// "; did you mean X?" or "".
std::string did_you_mean(std::string_view word, const std::vector<std::string>& known);

}  // namespace sumi
