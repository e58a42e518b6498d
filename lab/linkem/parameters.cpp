#include "parameters.h"

#include <array>
#include <charconv>
#include <cmath>
#include <functional>
#include <span>
#include <utility>
#include <vector>

namespace linkem {
namespace {

using mpquic::failure;

struct Unit {
  std::string_view name;
  double factor;
};
constexpr std::array duration_units{Unit{"us", 1e3}, Unit{"ms", 1e6}, Unit{"s", 1e9}};
constexpr std::array rate_units{Unit{"bit", 1}, Unit{"kbit", 1e3}, Unit{"mbit", 1e6}, Unit{"gbit", 1e9}};
constexpr std::array size_units{Unit{"", 1}, Unit{"k", 1024}, Unit{"m", 1024 * 1024}};
constexpr std::array share_units{Unit{"%", 0.01}};

Result<double> quantity(std::string_view text, std::span<const Unit> units) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || !std::isfinite(number) || number < 0) return failure("\"{}\" is not a quantity", text);
  const std::string_view unit(end, text.data() + text.size());
  for (const Unit& known : units) {
    if (unit == known.name) return number * known.factor;
  }
  // Zero needs no unit: it switches off.
  if (unit.empty() && number == 0) return 0.0;
  return failure("\"{}\" has no unit that belongs here", text);
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

Result<void> read(double& share, std::string_view text) {
  const auto value = quantity(text, share_units);
  if (!value) return std::unexpected(value.error());
  if (*value > 1) return failure("\"{}\" is more than everything", text);
  share = *value;
  return {};
}

Result<void> read(Duration& duration, std::string_view text) {
  const auto value = quantity(text, duration_units);
  if (!value) return std::unexpected(value.error());
  if (*value > 3600e9) return failure("\"{}\" is more than an hour", text);
  duration = Duration(std::llround(*value));
  return {};
}

template <class Integer>
Result<void> read(Integer& integer, std::string_view text, std::span<const Unit> units, double largest) {
  const auto value = quantity(text, units);
  if (!value) return std::unexpected(value.error());
  if (*value > largest) return failure("\"{}\" is too much", text);
  integer = static_cast<Integer>(std::llround(*value));
  return {};
}

Result<void> read(Gilbert& gilbert, std::string_view text) {
  const auto parts = split(text, ':');
  Gilbert wanted;
  const std::array<double*, 4> fields{&wanted.to_bad, &wanted.to_good, &wanted.loss_in_bad, &wanted.loss_in_good};
  if (text == "0") {
    gilbert = wanted;
    return {};
  }
  if (parts.size() < 2 || parts.size() > fields.size()) {
    return failure("\"{}\" is not TO_BAD:TO_GOOD[:LOSS_IN_BAD[:LOSS_IN_GOOD]]", text);
  }
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (auto done = read(*fields[i], parts[i]); !done) return done;
  }
  gilbert = wanted;
  return {};
}

Result<void> read(std::shared_ptr<const Trace>& trace, std::string_view text) {
  if (text == "0") {
    trace = nullptr;
    return {};
  }
  auto loaded = Trace::load(std::string(text));
  if (!loaded) return std::unexpected(loaded.error());
  trace = std::make_shared<const Trace>(std::move(*loaded));
  return {};
}

Result<void> read_order(bool& keep, std::string_view text) {
  if (text != "keep" && text != "free") return failure("\"{}\" is neither keep nor free", text);
  keep = text == "keep";
  return {};
}

Result<void> assign(Parameters& p, std::string_view key, std::string_view text) {
  if (key == "delay") return read(p.delay, text);
  if (key == "jitter") return read(p.jitter, text);
  if (key == "jitter-hold") return read(p.jitter_hold, text);
  if (key == "order") return read_order(p.keep_order, text);
  if (key == "rate") return read(p.rate, text, rate_units, 1e12);
  if (key == "queue") return read(p.queue, text, size_units, 1e12);
  if (key == "loss") return read(p.loss, text);
  if (key == "gilbert") return read(p.gilbert, text);
  if (key == "duplicate") return read(p.duplicate, text);
  if (key == "reorder") return read(p.reorder, text);
  if (key == "reorder-delay") return read(p.reorder_delay, text);
  if (key == "mtu") return read(p.mtu, text, size_units, 65535);
  if (key == "trace") return read(p.trace, text);
  return failure("no such parameter");
}

}  // namespace

Result<Parameters> amend(Parameters parameters, std::string_view text) {
  if (text.empty()) return parameters;
  for (const auto part : split(text, ',')) {
    const auto equals = part.find('=');
    if (equals == std::string_view::npos) return failure("\"{}\" is not KEY=VALUE", part);
    const auto key = part.substr(0, equals);
    if (auto done = assign(parameters, key, part.substr(equals + 1)); !done) {
      return failure("{}: {}", key, done.error().message);
    }
  }
  return parameters;
}

}  // namespace linkem
