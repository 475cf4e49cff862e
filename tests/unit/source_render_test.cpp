#include "source/diagnostics.h"
#include "source/width.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

using namespace graphc;

namespace {

struct Fixture {
  SourceManager sources;
  Diagnostics diagnostics{sources};

  /// The span of the first `what` in the file.
  Span at(FileId file, std::string_view what) {
    auto begin = sources.file(file).text().find(what);
    return {file, uint32_t(begin), uint32_t(begin + what.size())};
  }
  std::string text(bool color = false) {
    return render(diagnostics, {DiagnosticFormat::Text, color});
  }
  std::string as(DiagnosticFormat format) { return render(diagnostics, {format, false}); }
};

TEST(RenderText, LineCaretNotesHelpAndSummary) {
  Fixture f;
  auto file = f.sources.add("model.graph", "with variable_scope(\"V1\"):\n"
                                           "    a1 = get_variable(\"a1\", [1])\n"
                                           "    a2 = get_variable(\"a1\", [2])\n");
  auto &d = f.diagnostics.error(Code::VariableExists, f.at(file, "get_variable(\"a1\", [2])"),
                                "Variable V1/a1 already exists");
  d.notes.push_back({"originally defined here", f.at(file, "get_variable(\"a1\", [1])")});
  d.help = "pass reuse=True";
  EXPECT_EQ(f.text(), "model.graph:3:10: error[E0201]: Variable V1/a1 already exists\n"
                      "    3 |     a2 = get_variable(\"a1\", [2])\n"
                      "      |          ^~~~~~~~~~~~~~~~~~~~~~~\n"
                      "model.graph:2:10: note: originally defined here\n"
                      "    2 |     a1 = get_variable(\"a1\", [1])\n"
                      "      |          ^~~~~~~~~~~~~~~~~~~~~~~\n"
                      "  help: pass reuse=True\n"
                      "1 error\n");
}

TEST(RenderText, TabsWideAndCombiningCharacters) {
  Fixture f;
  auto file = f.sources.add("m.graph", "\tx = \"変数e\u0301\" + y\n");
  f.diagnostics.error(Code::Undefined, f.at(file, "y"), "undefined name 'y'");
  f.diagnostics.error(Code::WrongType, f.at(file, "\"変数e\u0301\""), "a string");
  EXPECT_EQ(f.text(), "m.graph:1:15: error[E0101]: undefined name 'y'\n"
                      "    1 |     x = \"変数e\u0301\" + y\n"
                      "      |                   ^\n"
                      "m.graph:1:6: error[E0104]: a string\n"
                      "    1 |     x = \"変数e\u0301\" + y\n"
                      "      |         ^~~~~~~\n"
                      "2 errors\n");
}

TEST(RenderText, LinesThatAreTooLongAreClippedAroundTheCaret) {
  Fixture f;
  std::string text = "x = [" + std::string(3000, '1') + ", oops, " + std::string(5000, '2') + "]\n";
  auto file = f.sources.add("m.graph", text);
  f.diagnostics.error(Code::Undefined, f.at(file, "oops"), "undefined name 'oops'");
  EXPECT_EQ(f.text(), "m.graph:1:3008: error[E0101]: undefined name 'oops'\n"
                      "    1 | ..." +
                          std::string(38, '1') + ", oops, " + std::string(74, '2') +
                          "...\n"
                          "      |    " +
                          std::string(39, ' ') + " ^~~~\n1 error\n");
}

TEST(RenderText, SpansOfSeveralLines) {
  Fixture f;
  auto file = f.sources.add("m.graph", "x = f(1,\n      2)\ny = g(1,\n  2,\n  3)\n");
  f.diagnostics.error(Code::WrongArguments, f.at(file, "f(1,\n      2)"), "two lines");
  f.diagnostics.error(Code::WrongArguments, f.at(file, "g(1,\n  2,\n  3)"), "three lines");
  EXPECT_EQ(f.text(), "m.graph:1:5: error[E0103]: two lines\n"
                      "    1 | x = f(1,\n"
                      "      |     ^~~~\n"
                      "    2 |       2)\n"
                      "      |       ~~\n"
                      "m.graph:3:5: error[E0103]: three lines\n"
                      "    3 | y = g(1,\n"
                      "      |     ^~~~\n"
                      "  ... |\n"
                      "    5 |   3)\n"
                      "      |   ~~\n"
                      "2 errors\n");
}

TEST(RenderText, EndOfFileEmptyLinesAndNoFile) {
  Fixture f;
  auto file = f.sources.add("m.graph", "x = (1\n\n");
  f.diagnostics.error(Code::Syntax, {file, 8, 8}, "unclosed");
  f.diagnostics.error(Code::Syntax, {file, 6, 6}, "end of line");
  f.diagnostics.error(Code::UnreadableFile, {}, "no such file");
  EXPECT_EQ(f.text(), "m.graph:3:1: error[E0001]: unclosed\n"
                      "    3 |\n"
                      "      | ^\n"
                      "m.graph:1:7: error[E0001]: end of line\n"
                      "    1 | x = (1\n"
                      "      |       ^\n"
                      "graphc: error[E0004]: no such file\n"
                      "3 errors\n");
}

TEST(RenderText, NothingSteersTheTerminal) {
  Fixture f;
  auto file = f.sources.add("evil\033[2J.graph", "x = \033[31m\n");
  f.diagnostics.error(Code::Syntax, {file, 4, 5}, "odd \033]0;title\007 character");
  std::string text = f.text();
  EXPECT_EQ(text.find('\033'), std::string::npos);
  EXPECT_EQ(text.find('\007'), std::string::npos);
}

TEST(RenderText, ColorOnlyWhenAsked) {
  Fixture f;
  auto file = f.sources.add("m.graph", "x = y\n");
  f.diagnostics.error(Code::Undefined, f.at(file, "y"), "undefined name 'y'");
  EXPECT_EQ(f.text().find('\033'), std::string::npos);
  EXPECT_NE(f.text(true).find("\033[1;31merror[E0101]:\033[0m"), std::string::npos);
}

TEST(Diagnostics, TheSameErrorAtTheSamePlaceIsKeptOnce) {
  Fixture f;
  auto file = f.sources.add("m.graph", "x = y\n");
  for (int i = 0; i < 3; ++i) {
    auto &d = f.diagnostics.error(Code::Undefined, f.at(file, "y"), "undefined name 'y'");
    d.help = "help";
  }
  EXPECT_EQ(f.diagnostics.errorCount(), 1u);
  EXPECT_EQ(f.diagnostics.all().size(), 1u);
}

TEST(RenderJson, OneObjectOnOneLine) {
  Fixture f;
  auto file = f.sources.add("model.graph", "é = y\nz = y\n");
  auto &d = f.diagnostics.error(Code::Undefined, {file, 5, 6}, "undefined \"y\"");
  d.notes.push_back({"here too", {file, 11, 12}});
  d.help = "define it";
  EXPECT_EQ(f.as(DiagnosticFormat::Json),
            R"({"diagnostics":[{"code":"E0101","severity":"error","message":"undefined \"y\"",)"
            R"("file":"model.graph","line":1,"column":5,"end_line":1,"end_column":6,)"
            R"("notes":[{"message":"here too","file":"model.graph","line":2,"column":5}],)"
            R"("help":"define it"}]})"
            "\n");
}

TEST(RenderJson, OddBytesStillGiveValidJson) {
  Fixture f;
  auto file = f.sources.add("caf\xE9\n.graph", "x\n");
  f.diagnostics.error(Code::Syntax, {file, 0, 1}, "bad \xFF byte\001");
  auto parsed = nlohmann::json::parse(f.as(DiagnosticFormat::Json));
  EXPECT_EQ(parsed["diagnostics"][0]["message"], "bad \uFFFD byte\001");
  EXPECT_EQ(parsed["diagnostics"][0]["file"], "caf\uFFFD\n.graph");
}

TEST(RenderJson, AnEmptyListIsAnObjectToo) {
  Fixture f;
  EXPECT_EQ(f.as(DiagnosticFormat::Json), "{\"diagnostics\":[]}\n");
  EXPECT_EQ(f.text(), "");
}

nlohmann::json sarifRun(Fixture &f) {
  return nlohmann::json::parse(f.as(DiagnosticFormat::Sarif))["runs"][0];
}

TEST(RenderSarif, DeclaresEveryCodeAndPointsToIt) {
  Fixture f;
  auto file = f.sources.add("./a b.graph", "x = y\n");
  auto &d = f.diagnostics.error(Code::Undefined, f.at(file, "y"), "undefined name 'y'");
  d.notes.push_back({"imported here", {file, 0, 1}});
  Diagnostic lint;
  lint.code = "W0303";
  lint.severity = Severity::Warning;
  lint.span = {file, 0, 1};
  lint.fixes.push_back({"remove it", {file, 0, 5}, "", true});
  f.diagnostics.add(lint);
  auto run = sarifRun(f);
  auto &rules = run["tool"]["driver"]["rules"];
  EXPECT_EQ(rules.size(), allCodes().size() + 1);
  EXPECT_EQ(run["columnKind"], "unicodeCodePoints");
  for (auto &result : run["results"])
    EXPECT_EQ(rules[result["ruleIndex"].get<size_t>()]["id"], result["ruleId"]);
  auto &first = run["results"][0];
  auto &where = first["locations"][0]["physicalLocation"];
  EXPECT_EQ(where["artifactLocation"]["uri"], "a%20b.graph");
  EXPECT_EQ(
      where["region"],
      (nlohmann::json{{"startLine", 1}, {"startColumn", 5}, {"endLine", 1}, {"endColumn", 6}}));
  EXPECT_EQ(first["relatedLocations"][0]["message"]["text"], "imported here");
  EXPECT_EQ(run["results"][1]["level"], "warning");
  EXPECT_EQ(run["results"][1]["fixes"][0]["artifactChanges"][0]["replacements"][0]["deletedRegion"]
               ["endColumn"],
            6);
}

TEST(RenderSarif, FingerprintsSurviveMovedLinesAndTellTwinsApart) {
  auto prints = [](const std::string &before) {
    Fixture f;
    auto file = f.sources.add("m.graph", before + "x = y + y\nz = 1\n");
    uint32_t at = before.size();
    f.diagnostics.error(Code::Undefined, {file, at + 4, at + 5}, "undefined name 'y'");
    f.diagnostics.error(Code::Undefined, {file, at + 8, at + 9}, "undefined name 'y'");
    std::vector<std::string> found;
    auto run = sarifRun(f);
    for (auto &result : run["results"])
      found.push_back(result["partialFingerprints"]["graphcLine/v1"]);
    return found;
  };
  auto here = prints("");
  EXPECT_EQ(here, prints("a = 1\n\n# more\n"));
  EXPECT_NE(here[0], here[1]);
}

TEST(RenderGitHub, AnnotationsAreEscaped) {
  Fixture f;
  auto file = f.sources.add("a,b:c.graph", "x = f(\n1)\ny\n");
  auto &d = f.diagnostics.error(Code::Undefined, {file, 10, 11}, "100% wrong\nreally");
  d.help = "stop";
  f.diagnostics.error(Code::Syntax, {file, 4, 9}, "long");
  f.diagnostics.error(Code::UnreadableFile, {}, "gone");
  EXPECT_EQ(f.as(DiagnosticFormat::GitHub),
            "::error file=a%2Cb%3Ac.graph,line=3,col=1,endLine=3,endColumn=2,title=E0101::"
            "100%25 wrong%0Areally%0Ahelp: stop\n"
            "::error file=a%2Cb%3Ac.graph,line=1,endLine=2,title=E0001::long\n"
            "::error title=E0004::gone\n");
}

TEST(RenderJUnit, FailuresAndFilesThatPass) {
  Fixture f;
  auto file = f.sources.add("a&b.graph", "x = y\n");
  f.sources.add("good.graph", "");
  f.diagnostics.error(Code::Undefined, f.at(file, "y"), "undefined <y>\x01");
  EXPECT_EQ(f.as(DiagnosticFormat::JUnit),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
            "<testsuites tests=\"2\" failures=\"1\">\n"
            "  <testsuite name=\"graphc\" tests=\"2\" failures=\"1\">\n"
            "    <testcase classname=\"a&amp;b.graph\" name=\"E0101 at 1:5\">\n"
            "      <failure type=\"E0101\" message=\"undefined &lt;y&gt;\uFFFD\">"
            "a&amp;b.graph:1:5: error[E0101]: undefined &lt;y&gt;\uFFFD&#10;</failure>\n"
            "    </testcase>\n"
            "    <testcase classname=\"good.graph\" name=\"check\"/>\n"
            "  </testsuite>\n"
            "</testsuites>\n");
}

TEST(Width, ValidUtf8) {
  EXPECT_EQ(validUtf8("a\xC3\xA9\xF0\x9F\x98\x80"), "aé😀");
  EXPECT_EQ(validUtf8("\xC3"), "\uFFFD");
  EXPECT_EQ(validUtf8("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(displayWidth(U'é'), 1);
  EXPECT_EQ(displayWidth(0x301), 0);
  EXPECT_EQ(displayWidth(U'😀'), 2);
  EXPECT_EQ(displayWidth(U'한'), 2);
}

} // namespace
