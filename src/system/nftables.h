#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/handle.h"
#include "base/result.h"

struct nft_ctx;
extern "C" void nft_ctx_free(nft_ctx* context);

namespace mpquic::system {

/// A name as a part of what tables and chains are called, which may hold less than it does: each other character
/// becomes
/// `_` and two digits of its number.
std::string nft_identifier(std::string_view name);

/// nftables of the network namespace of the thread that uses it, in the language of nft(8). Needs CAP_NET_ADMIN.
class Nftables {
 public:
  static Result<Nftables> open();

  /// One transaction: all of it, or nothing and an error with nftables' own words.
  Result<void> run(const std::string& commands);
  /// Names of the tables of family inet.
  Result<std::vector<std::string>> tables();
  /// A table of family inet as nft prints it; empty when there is none.
  Result<std::string> list(std::string_view table);
  /// All of it, whosever it is, in the JSON of libnftables-json(5).
  Result<std::string> list_all_json();

 private:
  using Context = std::unique_ptr<nft_ctx, Deleter<nft_ctx_free>>;
  explicit Nftables(Context context) : context_(std::move(context)) {}
  Result<std::string> ask(const std::string& commands);

  Context context_;
};

}  // namespace mpquic::system
