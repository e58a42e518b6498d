#include "system/nftables.h"

#include <fmt/format.h>
#include <nftables/libnftables.h>

#include <cctype>
#include <sstream>

namespace mpquic::system {

std::string nft_identifier(std::string_view name) {
  std::string text;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    const bool fits = std::isalnum(byte) || c == '-' || c == '.';
    text += fits ? std::string(1, c) : fmt::format("_{:02x}", byte);
  }
  return text;
}

Result<Nftables> Nftables::open() {
  Context context(nft_ctx_new(NFT_CTX_DEFAULT));
  if (!context || nft_ctx_buffer_output(context.get()) != 0 || nft_ctx_buffer_error(context.get()) != 0) {
    return failure("nftables: out of memory");
  }
  // So that what is listed reads the same whatever a machine calls its protocols and services, and can be compared.
  nft_ctx_output_set_flags(context.get(), NFT_CTX_OUTPUT_NUMERIC_ALL | NFT_CTX_OUTPUT_STATELESS);
  return Nftables(std::move(context));
}

Result<std::string> Nftables::ask(const std::string& commands) {
  const bool done = nft_run_cmd_from_buffer(context_.get(), commands.c_str()) == 0;
  std::string output = nft_ctx_get_output_buffer(context_.get());
  const std::string complaint = nft_ctx_get_error_buffer(context_.get());
  if (!done) return failure("nftables: {}", complaint.substr(0, complaint.find('\n')));
  return output;
}

Result<void> Nftables::run(const std::string& commands) {
  if (auto done = ask(commands); !done) return std::unexpected(done.error());
  return {};
}

Result<std::vector<std::string>> Nftables::tables() {
  auto listed = ask("list tables inet");
  if (!listed) return std::unexpected(listed.error());
  std::vector<std::string> names;
  std::istringstream words(*listed);
  for (std::string table, family, name; words >> table >> family >> name;) names.push_back(name);
  return names;
}

Result<std::string> Nftables::list(std::string_view table) {
  const auto names = tables();
  if (!names) return std::unexpected(names.error());
  for (const std::string& name : *names) {
    if (name == table) return ask("list table inet " + name);
  }
  return std::string();
}

Result<std::string> Nftables::list_all_json() {
  const unsigned text = nft_ctx_output_get_flags(context_.get());
  nft_ctx_output_set_flags(context_.get(), NFT_CTX_OUTPUT_JSON | NFT_CTX_OUTPUT_STATELESS);
  auto listed = ask("list ruleset");
  nft_ctx_output_set_flags(context_.get(), text);
  return listed;
}

}  // namespace mpquic::system
