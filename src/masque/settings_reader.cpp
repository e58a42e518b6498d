#include "masque/settings_reader.h"

#include "masque/varint.h"

namespace mpquic::masque {
namespace {

constexpr std::uint64_t control_stream = 0x00;
constexpr std::uint64_t settings_frame = 0x04;
constexpr std::uint64_t enable_connect_protocol = 0x08;
// Nobody has that many settings; what comes after is not looked at.
constexpr std::size_t longest = 4096;
// Nor does anybody open so many other streams first.
constexpr std::size_t most_others = 64;

}  // namespace

void SettingsReader::read(quic::StreamId stream, Bytes bytes) {
  if (done_ || bytes.empty()) return;
  // The type of a stream is in its first byte, unless somebody writes a small number in a long way. The control stream
  // need not be the first to arrive, and what others carry may look like its beginning.
  if (!control_ && !others_.contains(stream)) {
    if (bytes.front() == control_stream)
      control_ = stream;
    else
      others_.insert(stream);
    done_ = others_.size() > most_others;
  }
  if (control_ != stream) return;
  begun_.insert(begun_.end(), bytes.begin(), bytes.end());
  look_for_settings();
  if (!done_ && begun_.size() <= longest) return;
  done_ = true;
  begun_ = {};
}

void SettingsReader::look_for_settings() {
  Bytes rest = Bytes(begun_).subspan(1);
  const auto next = [&rest] {
    const auto number = read_varint(rest);
    if (number) rest = rest.subspan(number->size);
    return number;
  };
  const auto type = next();
  const auto size = type ? next() : std::nullopt;
  if (!size || rest.size() < size->value) return;
  done_ = true;
  if (type->value != settings_frame) return;
  rest = rest.first(size->value);
  while (!rest.empty()) {
    const auto id = next();
    const auto value = id ? next() : std::nullopt;
    if (!value) return;
    if (id->value == enable_connect_protocol) extended_connect_ = value->value == 1;
  }
}

}  // namespace mpquic::masque
