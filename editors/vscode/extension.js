// Starts `graphc lsp` for the .graph files that are open.
const { workspace, window } = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

let client;

exports.activate = async function () {
  const settings = workspace.getConfiguration("graphc");
  const defines = settings.get("defines").flatMap((define) => ["-D", define]);
  const server = { command: settings.get("path"), args: ["lsp", ...defines] };
  client = new LanguageClient("graphc", "graphc", server, {
    documentSelector: [{ scheme: "file", language: "graph" }],
  });
  try {
    await client.start();
  } catch (failure) {
    window.showErrorMessage(`graphc: '${server.command} lsp' can't be started: ${failure.message}`);
  }
};

exports.deactivate = () => client?.stop();
