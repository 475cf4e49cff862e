// The grammar of .graph files. LL(1) throughout: the build fails if it is not, because
// prediction beyond one token costs most of the parser's speed.
//
// Tokens come from syntax/lexer.h, which knows indentation. No parse tree is kept: the
// actions hand what was matched to the AstBuilder, which reads the last token itself.
// Binary operators are one flat list here; the builder knows their precedence. An error
// ends the statement with StatementFailed, and parsing goes on after it.
grammar Graph;

options { superClass = ParserBase; }

tokens {
  Newline, Indent, Dedent, Invalid, Name, Int, Float, String,
  FStringStart, FStringText, FStringOpen, FStringEqual, FStringConversion, FStringColon,
  FStringClose, FStringEnd,
  LParen, RParen, LBracket, RBracket, LBrace, RBrace, Comma, Colon, Semicolon, Dot, Ellipsis,
  Arrow, Walrus, Assign, AugAssign, Plus, Minus, Star, Slash, DoubleSlash, Percent, At,
  DoubleStar, Ampersand, Bar, Caret, Tilde, ShiftLeft, ShiftRight, Equal, NotEqual, Less,
  LessEqual, Greater, GreaterEqual, IsNot, NotIn, CompIf, StrayElif, StrayElse,
  OutputsOpen, Param, Export,
  None, True, False, And, Or, Not, In, Is, If, Elif, Else, For, With, As, Def, Return, Lambda,
  Pass, Break, Continue, Assert, Import, From, While, Class, Try, Except, Finally, Raise,
  Yield, Global, Nonlocal, Del, Async, Await
}

@parser::postinclude {
#include "syntax/parser_base.h"
}

file : statement* EOF ;

// The lexer makes StrayElif and StrayElse of what begins a line; `endBranch` turns them into
// Elif and Else where an `if` goes on.
//
// Statements ----------------------------------------------------------------------------

statement
@init { b->beginStatement(); }
  : simpleLine { b->endStatement(); }
  | ifStatement { b->endStatement(); }
  | forStatement { b->endStatement(); }
  | withStatement { b->endStatement(); }
  | defStatement { b->endStatement(); }
  | Indent { b->beginStrayBlock(); } statement+ Dedent { b->endStrayBlock(); }
  | ( While | Class | Try | Raise | Global | Nonlocal | Del | Async | At | Except | Finally )
    { b->foreignStatement(); }
  | ( StrayElif | StrayElse ) { b->strayElse(); }
  | ( Newline | Invalid | FStringText | FStringOpen | FStringEqual | FStringConversion
    | FStringColon | FStringClose | FStringEnd | RParen | RBracket | RBrace | Comma | Colon
    | Semicolon | Dot | Arrow | Walrus | Assign | AugAssign | Slash | DoubleSlash | Percent
    | DoubleStar | Ampersand | Bar | Caret | ShiftLeft | ShiftRight | Equal | NotEqual | Less
    | LessEqual | Greater | GreaterEqual | IsNot | NotIn | CompIf | And | Or | In | Is | As )
    { b->strayToken(); }
  ;
  catch [StatementFailed &] { b->recover(); }

simpleLine
  : simpleStatement ( Semicolon { b->semicolon(); } simpleStatement? )* Newline
  ;

simpleStatement
  : exprList
    ( { b->beginAssign(); } ( Assign { b->assignTarget(); } exprList )+ { b->endAssign(); }
    | AugAssign { b->augTarget(); } exprList { b->endAugAssign(); }
    | Colon { b->annotation(); } expr { b->dropExpr(); }
      ( Assign exprList { b->endAnnotatedAssign(true); }
      | { b->endAnnotatedAssign(false); } )
    | { b->exprStatement(); }
    )
  | Return { b->beginReturn(); } ( exprList { b->returnValue(true); } | { b->returnValue(false); } )
  | Pass { b->pass(); }
  | Break { b->breakOrContinue(); }
  | Continue { b->breakOrContinue(); }
  | Assert expr ( Comma expr { b->assertStatement(true); } | { b->assertStatement(false); } )
  | Import importRest
  | From { b->beginSource(); } ( String { b->fileSource(); } | ( ( Dot | Ellipsis ) { b->relativeImport(); } )* dottedName )
    Import { b->beginFrom(); } fromNames { b->endFrom(); }
  | Param Name { b->paramName(); } ( Colon expr { b->dropExpr(); } )?
    Assign exprList { b->endParam(); }
  | Export Name { b->exportName(); }
    LParen ( exportItem ( Comma { b->comma(); } exportItem? )* )? RParen { b->exportInputs(); }
    Arrow ( OutputsOpen ( exportItem ( Comma { b->comma(); } exportItem? )* )? RParen
          | exportItem )
    { b->endExport(); }
  ;

importRest
  : { b->beginSource(); } String { b->fileSource(); } importAlias
  | { b->beginSource(); } dottedName importAlias
    ( Comma { b->beginSource(); } dottedName importAlias )*
  ;

importAlias
  : ( As Name { b->importStatement(true); } | { b->importStatement(false); } )
  ;

dottedName
  : Name { b->dottedName(); } ( Dot Name { b->dottedName(); } )* { b->endDotted(); }
  ;

fromNames
  : Star { b->importStar(); }
  | LParen fromName ( Comma { b->comma(); } fromName? )* RParen
  | fromName ( Comma fromName )*
  ;

fromName
  : Name { b->importedName(); } ( As Name { b->importedAlias(); } )?
  ;

exportItem
  : expr ( Assign { b->exportItemName(); } expr { b->exportItem(true); }
         | { b->exportItem(false); } )
  ;

ifStatement
  : If { b->beginIf(); } expr { b->condition(); } block { b->endBranch(); }
    ( Elif { b->beginElif(); } expr { b->condition(); } block { b->endBranch(); } )*
    ( Else { b->beginElse(); } block { b->endBranch(); } )?
    { b->endIf(); }
  ;

forStatement
  : For { b->beginFor(); } targets { b->forTarget(); } In exprList { b->forIterable(); }
    block { b->endFor(); }
  ;

withStatement
  : With { b->beginWith(); } withItem ( Comma withItem )* { b->withHeader(); }
    block { b->endWith(); }
  ;

withItem
  : expr ( As expr { b->withItem(true); } | { b->withItem(false); } )
  ;

defStatement
  : Def Name { b->defName(); } LParen ( parameter ( Comma { b->comma(); } parameter? )* )? RParen
    ( Arrow expr { b->dropExpr(); } )? { b->defHeader(); } block { b->endDef(); }
  ;

parameter
  : Name { b->parameter(ParameterKind::Normal); } ( Colon expr { b->dropExpr(); } )?
    ( Assign expr { b->parameterDefault(); } )?
  | Star ( Name { b->parameter(ParameterKind::Args); } ( Colon expr { b->dropExpr(); } )?
         | { b->bareStar(); } )
  | DoubleStar Name { b->parameter(ParameterKind::KwArgs); } ( Colon expr { b->dropExpr(); } )?
  | Slash { b->slashParameter(); }
  ;

// What a header opens: a block of its own, or statements on the same line.
block
  : Colon { b->beginBlock(); }
    ( simpleLine
    | Newline Indent statement+ Dedent )
    { b->endBlock(); }
  ;

// Expressions ---------------------------------------------------------------------------

// One expression, or several as a tuple.
exprList
  : { b->beginList(); }
    ( expr | Star expr { b->starred(); } )
    ( Comma { b->comma(); } ( expr | Star expr { b->starred(); } )? )*
    { b->endList(); }
  ;

targets
  : { b->beginList(); } target ( Comma { b->comma(); } target? )* { b->endList(); }
  ;

target
  : Name { b->name(); }
  | Star { b->deeper(); } target { b->starred(); b->shallower(); }
  | ( LParen | LBracket ) { b->open(); } targets { b->closeTargets(); } ( RParen | RBracket ) { b->close(); }
  ;

// The builder takes `lambda …:` for the weakest of prefix operators and `if` and `else` for
// binary ones: nothing recurses but brackets.
expr
  : { b->beginExpr(); }
    operand
    ( ( Or | And | In | NotIn | Is | IsNot | Equal | NotEqual | Less | LessEqual | Greater
      | GreaterEqual | Bar | Caret | Ampersand | ShiftLeft | ShiftRight | Plus | Minus | Star
      | Slash | DoubleSlash | Percent | At | DoubleStar | If | Else | Walrus )
      { b->binary(); } operand )*
    { b->endExpr(); }
  ;

operand
  : ( ( Minus | Plus | Tilde | Not ) { b->prefix(); }
    | Lambda { b->beginLambda(); } ( lambdaParameter ( Comma { b->comma(); } lambdaParameter? )* )?
      Colon { b->endLambdaHeader(); }
    )*
    ( Name { b->name(); }
    | ( Int | Float | None | True | False | Ellipsis ) { b->literal(); }
    | { b->beginStrings(); } ( String { b->string(); } | fstring )+ { b->endStrings(); }
    | LParen { b->open(); } group? RParen { b->closeGroup(); }
    | LBracket { b->open(); } listItems? RBracket { b->closeList(); }
    | LBrace { b->open(); } dictItems? RBrace { b->closeDict(); }
    | ( Yield | Await ) { b->foreignExpr(); }
    )
    ( Dot Name { b->attribute(); }
    | LParen { b->beginCall(); } ( argument ( Comma { b->comma(); } argument? )* )? RParen
      { b->endCall(); }
    | LBracket { b->beginIndex(); } subscript ( Comma { b->indexComma(); } subscript? )* RBracket
      { b->endIndex(); }
    )*
  ;

// The inside of parentheses. `as` is for the items of `with (a as b, c as d):`.
group
  : ( expr | Star expr { b->starred(); } ) ( As { b->groupAs(); } expr { b->groupTarget(); } )?
    ( comprehension { b->generator(); }
    | ( Comma { b->groupComma(); }
        ( ( expr | Star expr { b->starred(); } ) ( As { b->groupAs(); } expr { b->groupTarget(); } )? )? )*
    )
  ;

listItems
  : ( expr | Star expr { b->starred(); } )
    ( comprehension { b->listComprehension(); }
    | ( Comma { b->comma(); } ( expr | Star expr { b->starred(); } )? )*
    )
  ;

dictItems
  : dictItem ( For { b->dictComprehension(); } | ( Comma { b->comma(); } dictItem? )* )
  ;

dictItem
  : expr ( Colon expr { b->dictEntry(); } | { b->setItem(); } )
  | DoubleStar expr { b->dictUnpack(); }
  | Star { b->setItem(); }
  ;

comprehension
  : { b->beginComprehension(); }
    ( For targets { b->compTarget(); } In expr { b->compIterable(); }
      ( CompIf expr { b->compCondition(); } )* { b->compClause(); } )+
  ;

argument
  : expr ( Assign { b->keywordName(); } expr { b->keywordArgument(); }
         | comprehension { b->argumentGenerator(); }
         | { b->positionalArgument(); } )
  | Star expr { b->unpackArgument(ArgumentKind::Args); }
  | DoubleStar expr { b->unpackArgument(ArgumentKind::KwArgs); }
  ;

lambdaParameter
  : Name { b->parameter(ParameterKind::Normal); } ( Assign expr { b->parameterDefault(); } )?
  | Star ( Name { b->parameter(ParameterKind::Args); } | { b->bareStar(); } )
  | DoubleStar Name { b->parameter(ParameterKind::KwArgs); }
  | Slash { b->slashParameter(); }
  ;

subscript
  : expr slice?
  | { b->sliceWithoutLower(); } slice
  ;

slice
  : Colon { b->beginSlice(); } ( expr { b->sliceUpper(); } )?
    ( Colon ( expr { b->sliceStep(); } )? )? { b->endSlice(); }
  ;

fstring
  : FStringStart { b->deeper(); } fstringPart* FStringEnd { b->shallower(); }
  ;

fstringPart
  : FStringText { b->fstringText(); }
  | FStringOpen { b->fstringOpen(); } exprList { b->fstringValue(); } ( FStringEqual { b->fstringEqual(); } )?
    ( FStringConversion { b->fstringConversion(); } )?
    ( FStringColon { b->fstringFormat(); } fstringPart* { b->endFstringFormat(); } )?
    FStringClose { b->fstringClose(); }
  ;
