#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/model.h"
#include "packet/address.h"

namespace mpquic::policy {

/// The inside of an nftable being written, a line at a time.
class Ruleset {
 public:
  template <class... Args>
  void add(fmt::format_string<Args...> format, Args&&... args) {
    text_ += "    " + fmt::format(format, std::forward<Args>(args)...) + "\n";
  }
  void begin_chain(std::string_view name, std::string_view hook = {});
  void end_chain() { text_ += "  }\n"; }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

/// `{ "one", "two" }`, for names of interfaces. Not for an empty list.
std::string quoted_set(const std::vector<std::string>& names);

/// The matches of nft(8) for these packets, one string for each rule that it takes: two where both IP versions have to
/// be spelt out, none where nothing can match. `interfaces` stands for those of the traffic and its VLANs.
std::vector<std::string> matches(const config::Traffic& traffic, const std::vector<std::string>& interfaces);

/// Sets `bits` under `mask` in the mark of the packet or of its connection, and leaves the rest.
std::string set_mark(std::string_view of, std::uint32_t bits, std::uint32_t mask);

/// Makes TCP fit a tunnel that carries packets of `mtu` bytes, whichever end asks for larger ones (RFC 6691). 0:
/// nothing.
void add_mss_clamp(Ruleset& rules, const std::string& tunnel, unsigned mtu);

}  // namespace mpquic::policy
