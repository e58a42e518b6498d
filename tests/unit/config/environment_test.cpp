#include "config/environment.h"

#include "config/loading.h"

namespace mpquic::config {
namespace {

struct Read {
  Environment environment;
  Lines errors;
};

Read read(const std::string& text) {
  Read result;
  Problems problems;
  result.environment.add(text, "x.env", problems);
  for (const Problem& problem : problems.errors()) result.errors.push_back(to_string("box.yaml", problem));
  return result;
}

TEST(EnvironmentText, HasAValueForEachKey) {
  const struct {
    std::string text;
    std::string value;  // of A
  } table[] = {
      {"A=192.0.2.1\n", "192.0.2.1"},
      {"A=1", "1"},
      {"\n  # A=0\n\t A=1 \t\n", "1"},
      {"export A=1\nexport\tB=2\n", "1"},
      {"exported=2\nA=1\n", "1"},
      {"A=1\r\nB=2\r\n", "1"},
      {"A=one#two # three\n", "one#two"},
      {"A=\n", ""},
      {"A=  # nothing\n", ""},
      {"A=''\n", ""},
      {"A=\"two words\" # and no more\n", "two words"},
      {"A='$5 \"quoted\" \\'\n", "$5 \"quoted\" \\"},
      {R"(A="\$5 \"quoted\" \\ \n")", R"($5 "quoted" \ \n)"},
      {"A=a=b\n", "a=b"},
      {"A=1\nA=2\n", "2"},
  };
  for (const auto& row : table) {
    const Read result = read(row.text);
    EXPECT_EQ(result.errors, Lines()) << row.text;
    ASSERT_NE(result.environment.find("A"), nullptr) << row.text;
    EXPECT_EQ(*result.environment.find("A"), row.value) << row.text;
  }
  EXPECT_EQ(read("").environment.find("A"), nullptr);
}

TEST(EnvironmentText, EachBadLineIsNamedWhereItIsBad) {
  const struct {
    std::string text;
    Lines errors;
  } table[] = {
      {"A=1\nVPS_PUBLIC_IP\n", {"x.env:2:1: \"VPS_PUBLIC_IP\" is no KEY=VALUE"}},
      {"  export A\n", {"x.env:1:10: \"A\" is no KEY=VALUE"}},
      {"A =1\n", {"x.env:1:1: \"A \" is no name of a variable: letters, digits and _, no blank before the ="}},
      {"4A=1\n", {"x.env:1:1: \"4A\" is no name of a variable: letters, digits and _, no blank before the ="}},
      {"=1\n", {"x.env:1:1: \"\" is no name of a variable: letters, digits and _, no blank before the ="}},
      {"A= 1\n", {"x.env:1:3: a blank after the =: a value begins there, or is put in quotes"}},
      {"A=one two\n", {"x.env:1:7: \"two\" after the value: one with blanks in it needs quotes"}},
      {"A=\"one\"two\n", {"x.env:1:8: \"two\" after the value: one with blanks in it needs quotes"}},
      {"A=\"one\"#two\n", {"x.env:1:8: \"#two\" after the value: one with blanks in it needs quotes"}},
      {"A='one\nB=2\n", {"x.env:1:3: the quote is never closed"}},
      {"A=\"one\\\"\n", {"x.env:1:3: the quote is never closed"}},
      {"A=it's\n", {"x.env:1:5: \"'\" in a value needs quotes around the value"}},
      {"A=${B}\n", {"x.env:1:3: \"$\" in a value needs quotes around the value"}},
      {"A=\"x${B}\"\n", {"x.env:1:5: variables are not substituted in here: write \\$ for the character"}},
      {std::string("A=1\0\n", 5), {"x.env:1:4: this is no text: byte 0x00"}},
      {"<html>\nA=1\n:wq\n", {"x.env:1:1: \"<html>\" is no KEY=VALUE", "x.env:3:1: \":wq\" is no KEY=VALUE"}},
  };
  for (const auto& row : table) EXPECT_EQ(read(row.text).errors, row.errors) << row.text;
}

TEST(EnvironmentText, AVariableIsPutIntoItsPlace) {
  const Environment environment = read("A=1\nLONGER='two words'\nEMPTY=\n").environment;
  const struct {
    std::string text, expanded;
  } good[] = {{"", ""},           {"plain $A {A}", "plain $A {A}"},
              {"${A}", "1"},      {"x${A}y${LONGER}", "x1ytwo words"},
              {"${EMPTY}z", "z"}, {"$${A}", "$1"}};
  for (const auto& row : good) EXPECT_EQ(environment.expand(row.text).value(), row.expanded) << row.text;
  const struct {
    std::string text, error;
  } bad[] = {
      {"${LONGET}", "neither NAME.env nor global.env has the variable \"LONGET\" (did you mean \"LONGER\"?)"},
      {"a${A", "\"${A\" is never closed by a }"},
      {"${}", "\"${}\" is no variable: only ${NAME} is substituted"},
      {"${A:-2}", "\"${A:-2}\" is no variable: only ${NAME} is substituted"},
  };
  for (const auto& row : bad) EXPECT_EQ(environment.expand(row.text).error().message, row.error) << row.text;
}

class EnvironmentFiles : public Loading {
 protected:
  void TearDown() override {
    for (const char* name : {"box.env", "global.env"}) std::filesystem::remove_all(folder_ / name);
  }
  static Environment read(const Lines& errors) {
    Problems problems;
    const Environment environment = Environment::beside(folder_ / "box.yaml", problems);
    Lines found;
    for (const Problem& problem : problems.errors()) {
      found.push_back(to_string("box.yaml", problem).substr(folder_.string().size() + 1));
    }
    EXPECT_EQ(found, errors);
    return environment;
  }
};

TEST_F(EnvironmentFiles, NeedNotBeThere) { EXPECT_EQ(read({}).find("PATH"), nullptr); }

TEST_F(EnvironmentFiles, TheInstancesOwnWins) {
  write("global.env", "A=global\nB=global\n");
  write("box.env", "A=own\n");
  const Environment environment = read({});
  EXPECT_EQ(*environment.find("A"), "own");
  EXPECT_EQ(*environment.find("B"), "global");
}

TEST_F(EnvironmentFiles, AreNamedInErrors) {
  write("global.env", "A\n");
  write("box.env", "B\n");
  EXPECT_EQ(read({"box.env:1:1: \"B\" is no KEY=VALUE", "global.env:1:1: \"A\" is no KEY=VALUE"}).files(),
            "box.env nor global.env");
  std::filesystem::remove(folder_ / "global.env");
  std::filesystem::create_directory(folder_ / "global.env");
  write("box.env", "");
  read({"global.env: is a directory, not a configuration file"});
}

}  // namespace
}  // namespace mpquic::config
