#include "config/document.h"

#include <gtest/gtest.h>

namespace mpquic::config {
namespace {

std::vector<std::string> errors_in(const std::string& text) {
  Problems problems;
  parse_document(text, problems);
  std::vector<std::string> lines;
  for (const Problem& problem : problems.errors()) lines.push_back(to_string("f", problem));
  return lines;
}
using Lines = std::vector<std::string>;

TEST(Document, KeepsThePlaceOfEverything) {
  Problems problems;
  const Node root =
      parse_document("# comment\nrole: client\nlinks:\n  wan4: {interface: [a, \"b c\"]}\n  none:\n", problems);
  ASSERT_FALSE(problems.any_errors());
  EXPECT_EQ(root.find("role")->value.text, "client");
  EXPECT_EQ(root.find("role")->value.place, (Place{2, 7}));
  const Entry* wan4 = root.find("links")->value.find("wan4");
  EXPECT_EQ(wan4->place, (Place{4, 3}));
  const Node& list = wan4->value.find("interface")->value;
  EXPECT_EQ(list.kind, Node::Kind::list);
  EXPECT_EQ(list.items.at(1).text, "b c");
  EXPECT_EQ(list.items.at(1).place, (Place{4, 25}));
  // An absent value stands where its key does.
  EXPECT_EQ(root.find("links")->value.find("none")->value.kind, Node::Kind::null);
  EXPECT_EQ(root.find("links")->value.find("none")->value.place, (Place{5, 3}));
  EXPECT_EQ(root.find("server"), nullptr);
}

TEST(Document, RefusesWhatAConfigurationHasNoUseFor) {
  const struct {
    std::string text;
    Lines errors;
  } table[] = {
      {"", {"f:1:1: the file is empty"}},
      {"# only a comment\n", {"f:1:1: the file is empty"}},
      {"---\n...\n", {"f:1:1: the file is empty"}},
      {"a: 1\nb: 2\na: 3\n", {"f:3:1: key \"a\" is doubled (first on line 1)"}},
      {"m: {x: 1, x: 2, x: 3}\n",
       {"f:1:11: key \"x\" is doubled (first on line 1)", "f:1:17: key \"x\" is doubled (first on line 1)"}},
      {"a: &x 1\nb: *x\n",
       {"f:1:4: anchors (&name) are not supported: write the value out",
        "f:2:4: aliases (*name) are not supported: write the value out"}},
      {"a: &x [*x]\n",
       {"f:1:4: anchors (&name) are not supported: write the value out",
        "f:1:8: aliases (*name) are not supported: write the value out"}},
      {"a: {<<: {b: 1}}\n", {"f:1:5: merge keys (<<) are not supported: write the values out"}},
      {"a: !!binary aGk=\n", {"f:1:4: tags (!name) are not supported"}},
      {"[a, b]: 1\n", {"f:1:1: a key must be a plain word"}},
      {"a: |\n  two\n  lines\n", {"f:1:4: a value can't hold line breaks or control characters"}},
      {"a: \"nul\\0byte\"\n", {"f:1:4: a value can't hold line breaks or control characters"}},
      {"a: 1\n---\nb: 2\n", {"f:3:1: only one YAML document may stand in the file"}},
      {std::string("a: 1\nb: \0\n", 10), {"f:2:4: this is no text: byte 0x00"}},
      {"a: [[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]\nb: &x 1\n",
       {"f:1:19: nested too deeply", "f:2:4: anchors (&name) are not supported: write the value out"}},
  };
  for (const auto& row : table) EXPECT_EQ(errors_in(row.text), row.errors) << row.text;
}

TEST(Document, BadSyntaxIsOneErrorAtItsMark) {
  for (const auto& [text, start] :
       {std::pair{"a: [1, 2\nb: 3\n", "f:2:2: not valid YAML: "}, std::pair{"a: 1\n b: 2\n", "f:2:3: not valid YAML: "},
        std::pair{"a: 'open\n", "f:1:9: not valid YAML: "}, std::pair{"a: \"\\q\"\n", "f:1:7: not valid YAML: "},
        std::pair{"a: *unknown\n", "f:1:4: not valid YAML: "}}) {
    const Lines errors = errors_in(text);
    ASSERT_EQ(errors.size(), 1u) << text;
    EXPECT_TRUE(errors[0].starts_with(start)) << errors[0] << " in " << text;
  }
}

TEST(Document, DepthAndSizeCostNeitherStackNorTime) {
  const std::size_t many = 1 << 18;
  for (const char* piece :
       {"[", "{", "- ", "? ", "{? ", "[a: ", "\"", "'", "!a ", "a: ", "\n- ", "&a ", "[]", "]", ":"}) {
    std::string text;
    while (text.size() < many) text += piece;
    errors_in(text);
  }
  const Lines errors = errors_in(std::string(many, '['));
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_TRUE(errors[0].ends_with(": nested too deeply")) << errors[0];
}

}  // namespace
}  // namespace mpquic::config
