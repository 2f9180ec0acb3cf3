"""What upstreams' errors say."""

import pytest

from aigw.wire.complaint import MAX_SAID, complaint, delay


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b'{"error":{"message":"Overloaded.","type":"server_error","param":null,"code":null}}', "Overloaded"),
        (b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}', "Overloaded"),
        (b'{"type":"error","code":"rate_limit_exceeded","message":"Slow down","param":null}', "Slow down"),
        (b'{"type":"response.failed","response":{"status":"failed","error":{"message":"Too large"}}}', "Too large"),
        (
            b'{"error":{"code":503,"message":"The model\\n is overloaded","status":"UNAVAILABLE"}}',
            "The model is overloaded",
        ),
        (b'{"error":"model not found"}', "model not found"),
        (b'{"error":{"code":429}}', ""),
        (b'{"error":{"message":', ""),
        (b"[DONE]", ""),
    ],
)
def test_the_words_are_found_wherever_they_stand(data: bytes, said: str) -> None:
    """Each format's error gives its message; what has none, or is not JSON, gives nothing."""
    assert complaint(data) == said


def test_long_words_are_cut() -> None:
    """A message that quotes a whole request does not fill the caller's error."""
    assert len(complaint(b'{"error":{"message":"%b"}}' % (b"x" * 10_000))) == MAX_SAID


@pytest.mark.parametrize(
    ("data", "seconds"),
    [
        (b'{"error":{"details":[{"@type":"x/google.rpc.RetryInfo","retryDelay":"17.5s"}]}}', 17.5),
        (b'[{"error":{"details":[{"retryDelay" : "3s"}]}}]', 3),
        (b'{"error":{"message":"retryDelay"}}', None),
        (b'{"retryDelay":"1e9s"}', None),
        (b"", None),
    ],
)
def test_when_to_ask_again(data: bytes, seconds: float | None) -> None:
    """Google tells it as a detail of the error, in seconds."""
    assert delay(data) == seconds
