#pragma once

#include <stdlib.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "certs/make.h"
#include "certs/revoke.h"
#include "quic/tls.h"

/// Two ends in memory to test with: used by the simulator and by fuzz targets too.
namespace mpquic::quic {

template <class T>
T must(Result<T> result) {
  if (result) return std::move(*result);
  std::fprintf(stderr, "a test could not be prepared: %s\n", result.error().message.c_str());
  std::abort();
}

/// An authority with a server, a client box1 and a client box2 that is revoked, and another authority that has the
/// same. In a directory that goes with it.
class Certificates {
 public:
  Certificates() {
    std::string name = (std::filesystem::temp_directory_path() / "mpquic-quic-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    directory_ = name;
    const std::array<std::string, 1> names = {"vps.example.net"};
    for (const auto& authority : {ours(), others()}) {
      must(certs::make_authority(authority, "", {}));
      must(certs::make_server(authority, names, {}));
      must(certs::make_client(authority, "box1", {}));
      must(certs::make_client(authority, "box2", {}));
      must(certs::revoke(authority, std::array{authority / "box2.pem"}, {}));
    }
  }
  ~Certificates() { std::filesystem::remove_all(directory_); }
  Certificates(const Certificates&) = delete;

  std::filesystem::path ours() const { return directory_ / "ours"; }
  std::filesystem::path others() const { return directory_ / "others"; }

  /// How a client and a server are configured that get on with one another.
  TlsSettings client() const {
    return {ours() / "box1.pem", ours() / "box1.key", ours() / "ca.pem", std::string(certs::default_server_name)};
  }
  TlsSettings server() const { return {ours() / "server.pem", ours() / "server.key", ours() / "ca.pem", {}}; }

 private:
  std::filesystem::path directory_;
};

}  // namespace mpquic::quic
