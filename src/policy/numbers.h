#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace mpquic::policy {

/// Which number each destination of traffic has: that of its routing table, and of the mark that connections carry for
/// as long as they live. So a number outlives configurations and runs: it is kept in the node's nftable, as the name of
/// an empty chain, `number/5/cr/df`.
using Numbers = std::map<std::string, std::uint32_t>;

/// What a destination is called there: a tunnel, and the one that is taken while that is down, if any.
std::string destination_key(std::string_view tunnel, std::string_view fallback = {});

/// Numbers less than `count` for what is wanted, none twice. What had one keeps it, and what is wanted no more keeps it
/// as long as there are others: connections may still carry it, and it may be wanted again. At most `count` are wanted.
Numbers assign_numbers(const std::vector<std::string>& wanted, const Numbers& before, std::uint32_t count);

/// The names of the chains that tell them to the next run.
std::vector<std::string> chains_of(const Numbers& numbers);
/// Takes in what such a name says; of other names nothing.
void read_number(std::string_view chain, Numbers& numbers);
/// What all chains of a table say, as nft(8) lists it.
Numbers read_numbers(const std::string& listing);

}  // namespace mpquic::policy
