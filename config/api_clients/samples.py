"""Examples in curl, Python and JavaScript for each operation, in the OpenAPI description as `x-codeSamples`.

ReDoc shows them beside the operation, and /docs below it (static/portcullis/swagger_samples.js).
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from config.api_clients.requests import ApiRequest, File, api_requests

VARIABLE = re.compile(r"\{\{(\w+)\}\}")
WIDTH = 90


def add_samples(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """A postprocessing hook of drf-spectacular; it needs the security schemes of the operations, so it comes last."""
    operations = {each["operationId"]: each for methods in result["paths"].values() for each in methods.values()}
    for described in api_requests(result):
        operations[described.operation_id]["x-codeSamples"] = [
            {"lang": "Shell", "label": "curl", "source": curl(described)},
            {"lang": "Python", "label": "Python", "source": python(described)},
            {"lang": "JavaScript", "label": "JavaScript", "source": javascript(described)},
        ]
    return result


def environment_name(variable: str) -> str:
    return "PORTCULLIS_" + ("URL" if variable == "base_url" else variable.upper())


def url_of(request: ApiRequest) -> str:
    query = "&".join(f"{name}={value}" for name, value in request.query.items())
    return "{{base_url}}" + request.path + ("?" + query if query else "")


def file_name(request: ApiRequest) -> str:
    """What the example calls the file that it downloads."""
    return "download.bin" if request.answer == "application/octet-stream" else ""


# ---- curl


def in_shell(text: str) -> str:
    """The text in double quotes."""
    quoted = ""
    for position, part in enumerate(VARIABLE.split(text)):
        quoted += f"${environment_name(part)}" if position % 2 else re.sub(r'([\\"$`])', r"\\\1", part)
    return f'"{quoted}"'


def curl(request: ApiRequest) -> str:
    parts = [f"curl -sS --fail-with-body {in_shell(url_of(request))}"]
    has_body = request.body is not None
    if request.method != ("POST" if has_body else "GET"):
        parts[0] += f" -X {request.method}"
    parts += [f"-H {in_shell(f'{name}: {value}')}" for name, value in request.headers.items()]
    if request.is_multipart:
        for name, value in (request.body or {}).items():
            parts.append(f"-F {in_shell(f'{name}=@{value.name}' if isinstance(value, File) else f'{name}={value}')}")
    elif has_body:
        text = json.dumps(request.body, ensure_ascii=False)
        if len(text) > WIDTH:
            text = json.dumps(request.body, ensure_ascii=False, indent=2)
        is_literal = not VARIABLE.search(text) and "'" not in text
        parts += ['-H "Content-Type: application/json"', f"-d '{text}'" if is_literal else f"-d {in_shell(text)}"]
    if name := file_name(request):
        parts.append(f"-o {name}")
    return " \\\n  ".join(parts) + "\n"


# ---- Python and JavaScript


@dataclass(frozen=True)
class Language:
    """How a language writes the parts of JSON that differ, and by how many blanks it indents."""

    text: Callable[[str], str]
    constants: dict[bool | None, str]
    step: int


def literal(value: Any, language: Language, depth: int = 1) -> str:
    """A value of JSON in that language, on one line if it fits."""
    inner, indent = " " * language.step * (depth + 1), " " * language.step * depth
    if isinstance(value, dict):
        items = [f"{json.dumps(name)}: {literal(each, language, depth + 1)}" for name, each in value.items()]
        opening, closing = "{", "}"
    elif isinstance(value, list):
        items = [literal(each, language, depth + 1) for each in value]
        opening, closing = "[", "]"
    elif isinstance(value, str):
        return language.text(value)
    else:
        return language.constants[value] if value is None or isinstance(value, bool) else json.dumps(value)
    line = opening + ", ".join(items) + closing
    if len(line) + len(indent) <= WIDTH and "\n" not in line:
        return line
    return f"{opening}\n" + "".join(f"{inner}{item},\n" for item in items) + indent + closing


def in_python(text: str) -> str:
    if match := VARIABLE.fullmatch(text):
        return f'os.environ["{environment_name(match[1])}"]'
    if not VARIABLE.search(text):
        return json.dumps(text, ensure_ascii=False)
    return 'f"' + VARIABLE.sub(lambda match: "{os.environ['" + environment_name(match[1]) + "']}", text) + '"'


PYTHON = Language(in_python, {None: "None", True: "True", False: "False"}, 4)


def python(request: ApiRequest) -> str:
    depth, lines = 1, ["import os", "", "import requests", ""]
    fields, files = split_by_kind(request.body or {})
    for name, value in files.items():
        lines.append("    " * (depth - 1) + f'with open("{value.name}", "rb") as {name}:')
        depth += 1
    arguments = [in_python(url_of(request))]
    if request.headers:
        arguments.append(f"headers={literal(request.headers, PYTHON, depth)}")
    if files:
        opened = ", ".join(f'"{name}": {name}' for name in files)
        arguments += [f"files={{{opened}}}", f"data={literal(fields, PYTHON, depth)}"]
    elif request.body is not None:
        arguments.append(f"json={literal(fields, PYTHON, depth)}")
    outer = "    " * (depth - 1)
    lines.append(f"{outer}answer = requests.{request.method.lower()}(")
    lines += [f"{outer}    {argument}," for argument in (*arguments, "timeout=10")]
    lines += [f"{outer})", "answer.raise_for_status()"]
    return "\n".join((*lines, *what_python_does(request))) + "\n"


def split_by_kind(body: dict[str, Any]) -> tuple[dict[str, Any], dict[str, File]]:
    """The fields and the files of a body."""
    files = {name: value for name, value in body.items() if isinstance(value, File)}
    return {name: value for name, value in body.items() if name not in files}, files


def what_python_does(request: ApiRequest) -> list[str]:
    if name := file_name(request):
        return [f'with open("{name}", "wb") as file:', "    file.write(answer.content)"]
    if request.answer is None:
        return []
    return ["print(answer.json())" if request.answer.endswith("json") else "print(answer.text)"]


def in_javascript(text: str) -> str:
    if match := VARIABLE.fullmatch(text):
        return f"process.env.{environment_name(match[1])}"
    if not VARIABLE.search(text):
        return json.dumps(text, ensure_ascii=False)
    return "`" + VARIABLE.sub(lambda match: "${process.env." + environment_name(match[1]) + "}", text) + "`"


JAVASCRIPT = Language(in_javascript, {None: "null", True: "true", False: "false"}, 2)


def javascript(request: ApiRequest) -> str:
    lines, headers = [], dict(request.headers)
    options = [f'method: "{request.method}"'] if request.method != "GET" else []
    if request.is_multipart:
        lines += ['import { openAsBlob } from "node:fs";', "", "const form = new FormData();"]
        fields, files = split_by_kind(request.body or {})
        for name, file in files.items():
            lines.append(f'form.set("{name}", await openAsBlob("{file.name}"), "{file.name}");')
        lines += [f'form.set("{name}", {literal(value, JAVASCRIPT)});' for name, value in fields.items()]
        body = "form"
    else:
        body = f"JSON.stringify({literal(request.body, JAVASCRIPT)})"
        headers |= {"Content-Type": "application/json"} if request.body is not None else {}
    if headers:
        options.append(f"headers: {literal(headers, JAVASCRIPT)}")
    if request.body is not None:
        options.append(f"body: {body}")
    if file_name(request):
        lines += ['import { writeFile } from "node:fs/promises";', ""]
    lines.append(f"const answer = await fetch({in_javascript(url_of(request))}" + (", {" if options else ");"))
    lines += [f"  {option}," for option in options]
    lines += ["});"] if options else []
    lines.append("if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);")
    return "\n".join((*lines, *what_javascript_does(request))) + "\n"


def what_javascript_does(request: ApiRequest) -> list[str]:
    if name := file_name(request):
        return [f'await writeFile("{name}", Buffer.from(await answer.arrayBuffer()));']
    if request.answer is None:
        return []
    return [f"console.log(await answer.{'json' if request.answer.endswith('json') else 'text'}());"]
