"""Forwards an HTTP request to another server, with bodies as they arrive."""

import http.client

CHUNK = 64 * 1024

# Headers that belong to one connection only (RFC 9110, section 7.6.1).
HOP_BY_HOP = {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}


def body_of(handler):
    """The body of a request, in chunks. None if it has no body."""
    if "chunked" in handler.headers.get("transfer-encoding", "").lower():
        return chunks(handler.rfile)
    remaining = int(handler.headers.get("content-length") or 0)
    return parts(handler.rfile, remaining) if remaining else None


def parts(file, remaining: int):
    while remaining and (data := file.read(min(CHUNK, remaining))):
        remaining -= len(data)
        yield data


def chunks(file):
    while size := int(file.readline().split(b";")[0], 16):
        yield from parts(file, size)
        file.readline()
    file.readline()


def forward(handler, host: str, port: int, more: dict[str, str], timeout: float, answered=lambda status: None) -> None:
    """Sends the request of a handler to a server, and the response back. `answered` gets the status code when the response starts.
    Raises OSError if the server does not answer."""
    headers = {name: value for name, value in handler.headers.items() if name.lower() not in HOP_BY_HOP} | more
    body = body_of(handler)
    connection = http.client.HTTPConnection(host, port, timeout=timeout)
    try:
        chunked = body is not None and "content-length" not in {name.lower() for name in headers}
        connection.request(handler.command, handler.path, body, headers, encode_chunked=chunked)
        response = connection.getresponse()
        answered(response.status)
        answer(handler, response)
    finally:
        connection.close()


def answer(handler, response) -> None:
    handler.has_answered = True
    handler.send_response_only(response.status, response.reason)
    names = {name.lower() for name, _ in response.getheaders()}
    for name, value in response.getheaders():
        if name.lower() not in HOP_BY_HOP:
            handler.send_header(name, value)
    has_body = handler.command != "HEAD" and response.status not in (204, 304)
    if has_body and "content-length" not in names:
        handler.send_header("connection", "close")
        handler.close_connection = True
    handler.end_headers()
    if has_body:
        sent = 0
        while data := response.read1(CHUNK):
            sent += len(data)
            handler.wfile.write(data)
            handler.wfile.flush()
        if "content-length" in names and sent < int(response.getheader("content-length")):
            raise OSError("the server ended the response too early")
