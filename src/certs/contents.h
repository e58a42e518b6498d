#pragma once

#include <gnutls/gnutls.h>
#include <sys/types.h>

#include <filesystem>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace mpquic::certs {

/// A small file's contents, wiped when done with: it may be a private key.
class Contents {
 public:
  /// "FILE: No such file or directory", or that it is larger than anything that belongs here.
  static Result<Contents> read(const std::filesystem::path& path);

  Contents(Contents&&) = default;
  Contents& operator=(Contents&&) = delete;
  ~Contents();

  gnutls_datum_t datum() { return {buffer_.data(), static_cast<unsigned>(size_)}; }
  std::string_view text() const { return {reinterpret_cast<const char*>(buffer_.data()), size_}; }
  bool contain(std::string_view part) const { return text().find(part) != std::string_view::npos; }
  /// Permission bits of the very file that was read.
  mode_t permissions() const { return permissions_; }

 private:
  Contents();

  MutableBytes room() { return MutableBytes(buffer_).subspan(size_); }

  std::vector<std::uint8_t> buffer_;
  std::size_t size_ = 0;
  mode_t permissions_ = 0;
};

}  // namespace mpquic::certs
