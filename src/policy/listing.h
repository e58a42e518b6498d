#pragma once

#include <string>
#include <vector>

namespace mpquic::policy {

// An nftable of ours as nft(8) prints it, read line by line. Empty text: there is none.

/// Without indentation and empty lines.
std::vector<std::string> lines_of(const std::string& text);

/// The names of its chains.
std::vector<std::string> chains_in(const std::string& listing);

/// Less the lines that open and close the table, and what only a table has that is not in force.
std::string inside_of(const std::string& listing);

/// What stands in one and not in the other, in order, as "- nft LINE" and "+ nft LINE".
std::vector<std::string> differing_lines(const std::vector<std::string>& before, const std::vector<std::string>& after);

}  // namespace mpquic::policy
