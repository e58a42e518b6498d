#include "config/tls_reader.h"

#include <array>

#include "config/values.h"

namespace mpquic::config {
namespace {

constexpr std::array<std::string_view, 3> server_keys = {"client_ca", "client_auth", "crl"};
constexpr std::array<std::string_view, 3> client_keys = {"ca", "server_name", "insecure_skip_verify"};

auto file_in(const std::filesystem::path& folder) {
  return [&folder](std::string_view text) { return parse_file(text, folder); };
}

}  // namespace

ClientTls read_client_tls(Fields& top, const std::filesystem::path& folder) {
  ClientTls tls;
  top.require("tls");
  const Entry* entry = top.read_map("tls");
  if (entry == nullptr) return tls;

  Fields fields(entry->value, entry->place, "tls", top.problems());
  fields.read("ca", tls.ca, file_in(folder));
  fields.read("server_name", tls.server_name, parse_name);
  fields.read("certificate", tls.certificate, file_in(folder));
  fields.read("key", tls.key, file_in(folder));
  fields.read("insecure_skip_verify", tls.insecure_skip_verify, parse_bool);
  fields.refuse(server_keys, "belongs to a server (role: server)");

  if (!tls.insecure_skip_verify) fields.require("ca");
  if (tls.certificate) fields.require("key");
  if (tls.key) fields.require("certificate");
  fields.finish();
  if (tls.insecure_skip_verify) {
    top.problems().warning(entry->value.find("insecure_skip_verify")->place,
                           "the server's certificate is not verified: whoever is on the way can read and change all");
  }
  return tls;
}

ServerTls read_server_tls(Fields& top, const std::filesystem::path& folder, bool tokens) {
  ServerTls tls;
  top.require("tls");
  const Entry* entry = top.read_map("tls");
  if (entry == nullptr) return tls;

  Fields fields(entry->value, entry->place, "tls", top.problems());
  fields.read("certificate", tls.certificate, file_in(folder));
  fields.read("key", tls.key, file_in(folder));
  fields.read("client_ca", tls.client_ca, file_in(folder));
  fields.read("crl", tls.crl, file_in(folder));
  fields.read("client_auth", tls.client_auth, parse_client_auth);
  fields.refuse(client_keys, "belongs to a client (role: client); a server has client_ca and client_auth");

  fields.require("certificate");
  fields.require("key");
  if (tls.client_auth == ClientAuth::require && !tokens && !fields.has("ca")) fields.require("client_ca");
  fields.finish();
  if (tls.client_auth == ClientAuth::none && tls.client_ca) {
    top.problems().warning(tls.client_ca->place, "client_ca has no effect with client_auth: none");
  }
  if (tls.crl && tls.client_auth == ClientAuth::none) {
    top.problems().warning(tls.crl->place, "crl has no effect with client_auth: none");
  } else if (tls.crl && !tls.client_ca && !fields.has("ca")) {
    top.problems().error(tls.crl->place, "crl without client_ca, whose certificates it would revoke");
  }
  return tls;
}

}  // namespace mpquic::config
