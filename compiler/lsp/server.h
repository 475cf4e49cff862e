// The language server: open texts, what is asked of them, and what is wrong with them.
#pragma once

#include "lint/lint.h"
#include "lsp/analysis.h"
#include "lsp/connection.h"

#include <map>
#include <set>

namespace graphc {

class LanguageServer {
public:
  LanguageServer(FILE *in, FILE *out, Defines defines)
      : connection_(in, out), defines_(std::move(defines)) {}

  /// Serves until `exit` or the end of the stream; the process's exit status: 0 after `shutdown`.
  int run();

private:
  struct Document {
    std::string uri;
    std::string text;
    Json version;
    std::unique_ptr<Analysis> analysis; // of this text and those around it; null: out of date
    std::vector<Diagnostic> findings;   // with spans in `report`
    std::shared_ptr<LintReport> report;
  };

  void handle(const Json &message);
  void request(const std::string &method, const Json &id, const Json &params);
  void notification(const std::string &method, const Json &params);
  Json answerTo(const std::string &method, const Json &params, bool &known);
  Json initialize() const;

  Document *documentOf(const Json &params);
  const Analysis *analysisOf(Document &document);
  Json atPlace(const std::string &method, Document &document, const Json &params);
  Json rename(Document &document, const Json &params, uint32_t offset);
  Json formatting(Document &document);
  Json codeActions(Document &document, const Json &params);

  /// All texts may have to be looked at anew: one may import the other.
  void changed();
  void publish(const std::string &path, Document &document);
  TextReader reader() const;

  Connection connection_;
  Defines defines_;
  std::map<std::string, Document> documents_; // by path
  bool initialized_ = false, shutdown_ = false, exit_ = false, stale_ = false;
  std::string refusal_; // why the request at hand is refused
};

} // namespace graphc
