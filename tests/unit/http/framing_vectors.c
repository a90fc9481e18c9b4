/* SPDX-License-Identifier: MIT */
#include "http/framing_vectors.h"

#define HOST "Host: a\r\n"
#define GET "GET /shared HTTP/1.1\r\n" HOST
#define POST "POST /json HTTP/1.1\r\n" HOST "Content-Type: application/json\r\n"
#define END "\r\n"
/* What hides in a body, or behind one. */
#define HIDDEN "GET /shared HTTP/1.1\r\nHost: b\r\n\r\n"
#define HIDDEN_LENGTH "33"

#define X3(text) text text text
#define X5(text) text text text text text
#define X16(text) text text text text text text text text text text text text text text text text
#define X64(text) X16(text) X16(text) X16(text) X16(text)
#define X2048(text) X64(X16(text)) X64(X16(text))
#define X3072(text) X2048(text) X64(X16(text))
#define VECTOR(name, code, bytes)                  \
    {                                              \
        name, bytes, sizeof(bytes) - 1, OPP_##code \
    }
#define BAD(name, bytes) VECTOR(name, E_BAD_REQUEST, bytes)
#define LINE(name, line) VECTOR(name, E_BAD_REQUEST, line "\r\n" HOST END)
#define TARGET(name, target) LINE("the target " name, "GET " target " HTTP/1.1")
#define METHOD(method) VECTOR("the method " method, E_NOT_IMPLEMENTED, method " /shared HTTP/1.1\r\n" HOST END)
#define VERSION(version) VECTOR("the version " version, E_HTTP_VERSION, "GET /shared " version "\r\n" HOST END)
#define FIELD(name, field) VECTOR(name, E_BAD_REQUEST, GET field "\r\n" END)
#define LENGTH(name, field) VECTOR("a length " name, E_BAD_REQUEST, POST field "\r\n" END "{}" HIDDEN)
#define CODING(name, field) VECTOR("a coding " name, E_LENGTH_REQUIRED, POST field "\r\n" END "0\r\n\r\n" HIDDEN)
#define EXPECT(name, field) VECTOR("an expectation " name, E_EXPECTATION, POST field "Content-Length: 2\r\n" END "{}")

const struct framing_vector FRAMING_BAD[] = {
    /* Methods. */
    METHOD("BREW"),
    METHOD("TRACE"),
    METHOD("CONNECT"),
    METHOD("get"),
    METHOD("Get"),
    METHOD("GETS"),
    METHOD("GE"),
    METHOD("PROPFIND"),
    METHOD("VERSION-CONTROL"),
    METHOD("!#$"),
    VECTOR("a method without end", E_NOT_IMPLEMENTED, X64("A")),
    VECTOR("a preface of HTTP/2", E_NOT_IMPLEMENTED, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    BAD("a request line that begins with a space", " GET /shared HTTP/1.1\r\n" HOST END),
    BAD("an empty line before the request", "\r\nGET /shared HTTP/1.1\r\n" HOST END),
    BAD("a bare line feed before the request", "\nGET /shared HTTP/1.1\r\n" HOST END),
    BAD("a NUL before the method", "\0GET /shared HTTP/1.1\r\n" HOST END),
    BAD("a NUL in the method", "G\0T /shared HTTP/1.1\r\n" HOST END),
    BAD("a tab behind the method", "GET\t/shared HTTP/1.1\r\n" HOST END),
    BAD("a byte order mark", "\xef\xbb\xbfGET /shared HTTP/1.1\r\n" HOST END),
    BAD("the beginning of a TLS handshake", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
    BAD("a header instead of a request", "Host: a\r\n\r\n"),

    /* Targets. */
    TARGET("of a proxy", "http://a/shared"),
    TARGET("of a proxy with another scheme", "ftp://a/shared"),
    TARGET("of an authority", "a:80"),
    TARGET("that is an asterisk", "*"),
    TARGET("without a slash", "shared"),
    TARGET("with an empty first segment", "//shared"),
    TARGET("with an empty segment", "/echo//b"),
    TARGET("with a dot segment", "/./shared"),
    TARGET("with two dots", "/x/../shared"),
    TARGET("that ends with a dot", "/shared/."),
    TARGET("that ends with two dots", "/shared/.."),
    TARGET("with dots before a query", "/shared/..?a"),
    TARGET("with a dot escaped", "/x/%2e%2e/shared"),
    TARGET("with one dot escaped", "/x/.%2E/shared"),
    TARGET("with a slash escaped", "/echo%2fa/b"),
    TARGET("with a slash escaped in capitals", "/echo%2Fa/b"),
    TARGET("with a backslash escaped", "/echo%5ca"),
    TARGET("with a percent escaped", "/echo/%252e/b"),
    TARGET("with a NUL escaped", "/shared%00"),
    TARGET("with a broken escape", "/echo/%zz/b"),
    TARGET("with a short escape", "/echo/b/%4"),
    TARGET("with an escape that a query ends", "/shared%4?1"),
    TARGET("with a fragment", "/shared#a"),
    TARGET("with a fragment behind its query", "/shared?a#b"),
    TARGET("with a backslash", "/x\\..\\shared"),
    TARGET("with a backslash in the query", "/shared?a\\b"),
    TARGET("with bytes above ASCII", "/sh\xc3\xa4red"),
    TARGET("with DEL", "/shared\x7f"),
    TARGET("with a tab", "/sha\tred"),
    BAD("the target with a NUL", "GET /sha\0red HTTP/1.1\r\n" HOST END),
    BAD("the target with a carriage return", "GET /sha\rred HTTP/1.1\r\n" HOST END),
    BAD("the target that is missing", "GET HTTP/1.1\r\n" HOST END),
    BAD("the target that is empty", "GET  HTTP/1.1\r\n" HOST END),
    BAD("the target with a space", "GET /shared ?a HTTP/1.1\r\n" HOST END),
    BAD("the target of 2049 bytes", "GET /" X2048("a") " HTTP/1.1\r\n" HOST END),

    /* Versions and the end of the request line. */
    VERSION("HTTP/1.2"),
    VERSION("HTTP/1.9"),
    VERSION("HTTP/0.9"),
    VERSION("HTTP/2.0"),
    VERSION("HTTP/1.10"),
    VERSION("HTTP/01.1"),
    VERSION("HTTP/1,1"),
    VERSION("HTTP/1"),
    VERSION("http/1.1"),
    VERSION("HTTP"),
    VERSION("HTTPS/1.1"),
    VERSION("1.1"),
    VECTOR("a version without end", E_HTTP_VERSION, "GET /shared " X64("H")),
    BAD("a request of HTTP/0.9", "GET /shared\r\n"),
    BAD("two spaces before the version", "GET /shared  HTTP/1.1\r\n" HOST END),
    BAD("a space behind the version", "GET /shared HTTP/1.1 \r\n" HOST END),
    BAD("a tab behind the version", "GET /shared HTTP/1.1\t\r\n" HOST END),
    BAD("a NUL behind the version", "GET /shared HTTP/1.1\0\r\n" HOST END),
    BAD("a byte above ASCII in the version", "GET /shared HTTP/1.1\xff\r\n" HOST END),
    BAD("a request line with a bare line feed", "GET /shared HTTP/1.1\n" HOST END),
    BAD("a request line with a bare carriage return", "GET /shared HTTP/1.1\r" HOST END),
    BAD("two carriage returns", "GET /shared HTTP/1.1\r\r\n" HOST END),

    /* Fields. */
    BAD("no Host", "GET /shared HTTP/1.1\r\n\r\n"),
    BAD("no Host but one in the target", "GET http://a/shared HTTP/1.1\r\n\r\n"),
    FIELD("two Hosts", "Host: b"),
    FIELD("two equal Hosts", "host: a"),
    BAD("two Hosts in HTTP/1.0", "GET /shared HTTP/1.0\r\n" HOST HOST END),
    BAD("a Host with a path", "GET /shared HTTP/1.1\r\nHost: a/b\r\n\r\n"),
    BAD("a Host with a user", "GET /shared HTTP/1.1\r\nHost: a@b\r\n\r\n"),
    BAD("two names in a Host", "GET /shared HTTP/1.1\r\nHost: a b\r\n\r\n"),
    BAD("a Host above ASCII", "GET /shared HTTP/1.1\r\nHost: \xc3\xa4\r\n\r\n"),
    FIELD("two Authorizations", "Authorization: Bearer a\r\nAuthorization: Bearer b"),
    FIELD("two Cookies", "Cookie: a=b\r\nCookie: c=d"),
    FIELD("two Content-Types", "Content-Type: a/b\r\nContent-Type: c/d"),
    FIELD("two Idempotency-Keys", "Idempotency-Key: a\r\nidempotency-key: b"),
    FIELD("two Expects", "Expect: 100-continue\r\nExpect: 100-continue"),
    FIELD("a space before the colon", "A : b"),
    FIELD("a tab before the colon", "A\t: b"),
    FIELD("a name with a space", "A b: c"),
    FIELD("an empty name", ": b"),
    FIELD("a line without a colon", "A"),
    FIELD("a name above ASCII", "\xc3\xa4: b"),
    FIELD("a name with a quote", "\"A\": b"),
    FIELD("a name with a slash", "A/b: c"),
    FIELD("a name with a control character", "A\x01: c"),
    FIELD("a name with DEL", "A\x7f: c"),
    BAD("a name with a NUL", GET "A\0b: c\r\n\r\n"),
    FIELD("a folded line", "A: b\r\n c"),
    FIELD("a line that a tab folds", "A: b\r\n\tc"),
    BAD("a first line that is folded", "GET /shared HTTP/1.1\r\n Host: a\r\n\r\n"),
    FIELD("a bare line feed in a value", "A: b\nContent-Length: 5"),
    FIELD("a bare carriage return in a value", "A: b\rContent-Length: 5"),
    FIELD("a control character in a value", "A: b\x01"),
    FIELD("an escape character in a value", "A: b\x1b[0m"),
    FIELD("DEL in a value", "A: b\x7f"),
    BAD("a NUL in a value", GET "A: b\0c\r\n\r\n"),
    BAD("a NUL in a token", GET "Authorization: Bearer a\0b\r\n\r\n"),
    BAD("a line feed in a token", GET "Authorization: Bearer a\nB: c\r\n\r\n"),
    BAD("a header block that ends with a line feed", GET "\n"),
    BAD("a header block that ends with a carriage return", GET "\rGET"),
    VECTOR("65 fields", E_HEADERS_TOO_LARGE, "GET /shared HTTP/1.1\r\n" HOST X64("A: b\r\n") END),
    VECTOR("a name without end", E_HEADERS_TOO_LARGE, GET X3072("a")),
    VECTOR("a value without end", E_HEADERS_TOO_LARGE, GET "A: " X3072("a")),
    VECTOR("a token without end", E_HEADERS_TOO_LARGE, GET "Authorization: " X3072("a")),
    VECTOR("blanks without end", E_HEADERS_TOO_LARGE, GET "Authorization: " X3072(" ")),
    VECTOR("a length without end", E_HEADERS_TOO_LARGE, GET "Content-Length: " X3072("0")),

    /* Bodies. */
    LENGTH("that is repeated", "Content-Length: 2\r\nContent-Length: 2"),
    LENGTH("that another contradicts", "Content-Length: 2\r\ncontent-length: " HIDDEN_LENGTH),
    LENGTH("in a list", "Content-Length: 2, 2"),
    LENGTH("with a sign", "Content-Length: +2"),
    LENGTH("below zero", "Content-Length: -2"),
    LENGTH("in base sixteen", "Content-Length: 0x2"),
    LENGTH("with a fraction", "Content-Length: 2.0"),
    LENGTH("in words", "Content-Length: two"),
    LENGTH("with a space in it", "Content-Length: 2 0"),
    LENGTH("that is empty", "Content-Length: "),
    LENGTH("of blanks", "Content-Length: \t "),
    LENGTH("in quotes", "Content-Length: \"2\""),
    LENGTH("with a space before the colon", "Content-Length : 2"),
    LENGTH("that is folded", "Content-Length:\r\n 2"),
    LENGTH("above ASCII", "Content-Length: \xd9\xa2"),
    LENGTH("behind a vertical tab", "Content-Length: \x0b"
                                    "2"),
    BAD("a body after HEAD", "HEAD /shared HTTP/1.1\r\n" HOST "Content-Length: " HIDDEN_LENGTH "\r\n\r\n" HIDDEN),
    BAD("a body where none is taken", GET "Content-Length: " HIDDEN_LENGTH "\r\n\r\n" HIDDEN),
    CODING("that is chunked", "Transfer-Encoding: chunked"),
    CODING("in small letters", "transfer-encoding: chunked"),
    CODING("that is not known", "Transfer-Encoding: xchunked"),
    CODING("that is identity", "Transfer-Encoding: identity"),
    CODING("that compresses", "Transfer-Encoding: gzip, chunked"),
    CODING("that is empty", "Transfer-Encoding:"),
    CODING("behind a vertical tab", "Transfer-Encoding: \x0b"
                                    "chunked"),
    CODING("beside a length", "Content-Length: 5\r\nTransfer-Encoding: chunked"),
    CODING("before a length", "Transfer-Encoding: chunked\r\nContent-Length: 5"),
    CODING("in HTTP/1.1 with two of them", "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked"),
    VECTOR("a coding in HTTP/1.0", E_LENGTH_REQUIRED,
           "POST /json HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" HIDDEN),
    VECTOR("a coding after GET", E_LENGTH_REQUIRED, GET "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" HIDDEN),
    BAD("a coding with a space before its colon", POST "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" HIDDEN),
    BAD("a coding that is folded away", POST "A: b\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" HIDDEN),
    EXPECT("that is not known", "Expect: magic\r\n"),
    EXPECT("with something behind it", "Expect: 100-continue, magic\r\n"),
    EXPECT("that is longer", "Expect: 100-continued\r\n"),
    EXPECT("that is shorter", "Expect: 100-cont\r\n"),
    EXPECT("that is empty", "Expect: \r\n"),
    EXPECT("behind a tab", "Expect:\t100-continue\r\n"),
    EXPECT("in two words", "Expect: 100 -continue\r\n"),

    /* Behind a request that is fair. */
    BAD("a second request that is none", GET "A: b\r\n\n"),
};
const size_t FRAMING_BAD_COUNT = sizeof FRAMING_BAD / sizeof *FRAMING_BAD;

#define FAIR(name, bytes) VECTOR(name, OK, bytes)

const struct framing_vector FRAMING_FAIR[] = {
    FAIR("the shortest request", "GET / HTTP/1.0\r\n\r\n"),
    FAIR("a query with all that it may have", "GET /shared?a=%00&b=[]{}|^`\"<>//..%zz HTTP/1.1\r\n" HOST END),
    FAIR("a target of 2048 bytes",
         "GET /shared?1234" X64(X16("a")) X64("abcdefghijklmno") "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvw"
                                                                 " HTTP/1.1\r\n" HOST END),
    FAIR("names that begin with dots", "GET /..a/.well-known/... HTTP/1.1\r\n" HOST END),
    FAIR("a path with escapes", "GET /echo/%41%c3%a4/%20 HTTP/1.1\r\n" HOST END),
    FAIR("HEAD", "HEAD /shared HTTP/1.1\r\n" HOST END),
    FAIR("HEAD with an empty body", "HEAD /shared HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n"),
    FAIR("PUT", "PUT /json HTTP/1.1\r\n" HOST "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"),
    FAIR("PATCH", "PATCH /shared HTTP/1.1\r\n" HOST END),
    FAIR("DELETE", "DELETE /shared HTTP/1.1\r\n" HOST END),
    FAIR("OPTIONS", "OPTIONS /shared HTTP/1.1\r\n" HOST END),
    FAIR("a body", POST "Content-Length: 2\r\n\r\n{}"),
    FAIR("a body whose length has blanks around it and zeros before it", POST "Content-Length: \t 002 \t\r\n\r\n{}"),
    FAIR("a body in HTTP/1.0", "POST /json HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"),
    FAIR("no body after POST", POST END),
    FAIR("no body after POST, and a Connection", POST "Connection: keep-alive\r\n" END),
    FAIR("an expectation without a body", GET "Expect: 100-continue\r\n\r\n"),
    FAIR("an expectation", POST "Expect: 100-Continue \r\nContent-Length: 2\r\n\r\n{}"),
    FAIR("an expectation in HTTP/1.0",
         "POST /json HTTP/1.0\r\nContent-Type: application/json\r\nExpect: 100-continue\r\n"
         "Content-Length: 2\r\n\r\n{}"),
    FAIR("a Host with a port", "GET /shared HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n"),
    FAIR("a Host of sub-delimiters", "GET /shared HTTP/1.1\r\nHost:a-b_c.d~!$&'()*+,;=%41 \r\n\r\n"),
    FAIR("an empty Host", "GET /shared HTTP/1.1\r\nHost:\r\n\r\n"),
    FAIR("all characters of a token in a name", GET "!#$%&'*+-.^_`|~09azAZ: b\r\n\r\n"),
    FAIR("names that are nearly another", GET "Content-Lengt: a\r\nContent-Lengths: b\r\nHost-: c\r\n"
                                              "Transfer_Encoding: chunked\r\nA-Transfer-Encoding: chunked\r\n"
                                              "Transfer-Encoding-That-Is-Longer-Than-Any: chunked\r\n\r\n"),
    FAIR("values of all kinds", GET "A:\r\nB: \t\r\nC: a\tb \xc3\xa4\xff ~\r\n\r\n"),
    FAIR("64 fields", "GET /shared HTTP/1.1\r\n" HOST X16("A: b\r\nA: b\r\nA: b\r\n") X3(X5("A:\r\n")) END),
    FAIR("an Authorization with blanks around it", GET "Authorization: \t Bearer  a \t\r\n\r\n"),
};
const size_t FRAMING_FAIR_COUNT = sizeof FRAMING_FAIR / sizeof *FRAMING_FAIR;
