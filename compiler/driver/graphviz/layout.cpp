#include "driver/graphviz/layout.h"

#include <graphviz/cgraph.h>
#include <graphviz/gvc.h>

namespace {

std::string complaints; // what Graphviz says, which must not stand on standard error

int keep(char *message) {
  complaints += message;
  return 0;
}

} // namespace

extern "C" bool graphc_layout_svg(const std::string &dot, std::string &svg, std::string &why) {
  complaints.clear();
  agseterr(AGERR); // warnings of labels that don't fit are nobody's business
  agseterrf(keep);
  GVC_t *context = gvContext();
  Agraph_t *graph = context ? agmemread(dot.c_str()) : nullptr;
  bool laidOut = graph && gvLayout(context, graph, "dot") == 0;
  char *text = nullptr;
  unsigned size = 0;
  bool good = laidOut && gvRenderData(context, graph, "svg", &text, &size) == 0 && text;
  if (good) svg.assign(text, size);
  if (text) gvFreeRenderData(text);
  if (laidOut) gvFreeLayout(context, graph);
  if (graph) agclose(graph);
  if (context) gvFreeContext(context);
  if (!good) {
    why = "Graphviz can't draw it";
    if (size_t end = complaints.find('\n'); !complaints.empty())
      why += ": " + complaints.substr(0, end);
  }
  return good;
}
