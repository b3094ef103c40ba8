"""What a chatbot platform's backend does through a Tollgate, with nothing but the openai package (2 or newer).

Unlike its Go and Node siblings this file is not run by the project's tests: it is here to be read.

    TOLLGATE_KEY=tg_… python backend.py http://127.0.0.1:8080
"""

import math
import os
import sys

import openai

GATEWAY = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8080"

# The SDK itself asks again on 429 and 503 and waits as long as Retry-After says: tokens may be held by running requests for a
# moment. When an account has none left the gateway answers 402 with x-should-retry: false, and it asks no second time.
client = openai.OpenAI(base_url=f"{GATEWAY}/v1", api_key=os.environ.get("TOLLGATE_KEY", ""), max_retries=10)

DOCUMENTS = [
    "Warranty: five years on frames, two years on parts.",
    "Delivery takes three working days. Returns are free within 30 days.",
    "The workshop is open on weekdays from 8 to 18.",
]
QUESTIONS = ["How long is the warranty on frames?", "When is the workshop open?"]


def labelled(activity: str, user: str = "") -> openai.OpenAI:
    headers = {
        "X-Tollgate-Activity": activity,  # chat, ingest, training, preview, or one that the gateway's operator added
        "X-Tollgate-Chatbot": "velo-support",
    }
    if user:
        headers["X-Tollgate-User"] = user  # a pseudonym: 1 to 64 letters, digits and . _ : @ -
    return client.with_options(default_headers=headers)


def embed(c: openai.OpenAI, texts: list[str]) -> list[list[float]]:
    return [d.embedding for d in c.embeddings.create(model="text-embedding-3-small", input=texts).data]


def prompt(c: openai.OpenAI, index: list[tuple[str, list[float]]], question: str) -> dict:
    """A question with the document that is nearest to it."""
    [to] = embed(c, [question])
    nearest, _ = max(index, key=lambda entry: sum(x * y for x, y in zip(entry[1], to)) / math.hypot(*entry[1]))
    system = f"You are the support assistant of Velo Bicycles. Be brief and friendly. What you know:\n{nearest}"
    return {
        "model": "gpt-4o-mini",
        "max_completion_tokens": 200,
        "messages": [{"role": "system", "content": system}, {"role": "user", "content": question}],
    }


def run() -> None:
    index = list(zip(DOCUMENTS, embed(labelled("ingest"), DOCUMENTS)))
    print(f"ingest    {len(index)} documents")
    for question in QUESTIONS:
        c = labelled("training")
        answer = c.chat.completions.create(**prompt(c, index, question))
        print(f"training  {question}\n          {answer.choices[0].message.content}")
    c = labelled("chat", "visitor-7f3a")
    print(f"chat      {QUESTIONS[0]}\n          ", end="")
    for chunk in c.chat.completions.create(**prompt(c, index, QUESTIONS[0]), stream=True):
        print(chunk.choices[0].delta.content or "" if chunk.choices else "", end="", flush=True)
    print()


try:
    run()
except openai.APIStatusError as error:
    said = error.body or {}
    if error.code == "insufficient_quota":
        sys.exit(f"{said['message']}\nBuy extra tokens or a larger plan, or wait until {said['reset_at']}. What was done so far is done.")
    if error.code == "invalid_api_key":
        sys.exit(f"{said['message']}\nSet TOLLGATE_KEY to a key of the account: tollgate key create")
    sys.exit(str(error))
