#include "policy/listing.h"

#include <algorithm>
#include <sstream>

namespace mpquic::policy {

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    const std::size_t begin = line.find_first_not_of(" \t");
    if (begin != std::string::npos) lines.push_back(line.substr(begin));
  }
  return lines;
}

std::vector<std::string> chains_in(const std::string& listing) {
  std::vector<std::string> names;
  for (const std::string& line : lines_of(listing)) {
    std::istringstream words(line);
    std::string chain, name;
    words >> chain >> name;
    if (chain == "chain") names.push_back(name);
  }
  return names;
}

std::string inside_of(const std::string& listing) {
  std::string text;
  const auto lines = lines_of(listing);
  for (std::size_t i = 1; i + 1 < lines.size(); ++i) {
    if (lines[i] != "flags dormant") text += lines[i] + '\n';
  }
  return text;
}

// The longest common subsequence stays.
std::vector<std::string> differing_lines(const std::vector<std::string>& before,
                                         const std::vector<std::string>& after) {
  std::vector<std::vector<std::size_t>> common(before.size() + 1, std::vector<std::size_t>(after.size() + 1));
  for (std::size_t i = before.size(); i-- > 0;) {
    for (std::size_t j = after.size(); j-- > 0;) {
      common[i][j] = before[i] == after[j] ? common[i + 1][j + 1] + 1 : std::max(common[i + 1][j], common[i][j + 1]);
    }
  }
  std::vector<std::string> lines;
  std::size_t i = 0, j = 0;
  while (i < before.size() || j < after.size()) {
    if (i < before.size() && j < after.size() && before[i] == after[j]) {
      ++i, ++j;
    } else if (j == after.size() || (i < before.size() && common[i + 1][j] >= common[i][j + 1])) {
      lines.push_back("- nft " + before[i++]);
    } else {
      lines.push_back("+ nft " + after[j++]);
    }
  }
  return lines;
}

}  // namespace mpquic::policy
