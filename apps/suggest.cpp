#include "apps/suggest.h"

#include <algorithm>

namespace sumi {

int edit_distance(std::string_view a, std::string_view b) {
  const std::size_t n = b.size() + 1;
  std::vector<int> d((a.size() + 1) * n);
  for (std::size_t i = 0; i <= a.size(); i++)
    for (std::size_t j = 0; j <= b.size(); j++) {
      int& here = d[i * n + j];
      if (i == 0 || j == 0) {
        here = static_cast<int>(i + j);
        continue;
      }
      const int replaced = d[(i - 1) * n + j - 1] + (a[i - 1] != b[j - 1]);
      here = std::min({d[(i - 1) * n + j] + 1, d[i * n + j - 1] + 1, replaced});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        here = std::min(here, d[(i - 2) * n + j - 2] + 1);
    }
  return d.back();
}

std::string nearest(std::string_view word, const std::vector<std::string>& known) {
  int best = std::max(2, static_cast<int>(word.size()) / 3) + 1;
  std::string found;
  for (const std::string& k : known)
    if (const int distance = edit_distance(word, k); distance < best) best = distance, found = k;
  return found;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& known) {
  const std::string near = nearest(word, known);
  return near.empty() ? "" : "; did you mean " + near + "?";
}

}  // namespace sumi
