let
    # Prints the variables of a Julia kernel as one line of JSON (guest code, Base only).
    function quoted(text)
        text = first(String(text), 200)
        out = IOBuffer()
        for c in text
            if c == '"' || c == '\\'
                print(out, '\\', c)
            elseif !isvalid(c) || iscntrl(c)
                print(out, ' ')
            else
                print(out, c)
            end
        end
        return "\"" * String(take!(out)) * "\""
    end
    words = "pass(wd|word|phrase)?|pwd|secret|token|api_?key|auth|credential|private_?key|cookie|dsn"
    secret(name) = occursin(Regex("(^|_)($words)s?(\$|[_0-9])", "i"), name)
    looks = [r"AKIA[0-9A-Z]{16}", r"\bsk-[A-Za-z0-9_-]{16,}", r"\bgh[pousr]_[A-Za-z0-9]{20,}",
             r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_.-]*", r"(?<=://)[^/\s:@]*:[^@\s/]+(?=@)"]
    redacted(text) = foldl((t, look) -> replace(t, look => "«redacted»"), looks; init = text)
    function described(name, x)
        parts = ["\"type\":" * quoted(string(typeof(x)))]
        add(key, json) = push!(parts, "\"$key\":$json")
        if x isa String
            add("kind", quoted("text"))
            add("len", length(x))
            add("value", secret(name) ? quoted("«redacted»") : quoted(redacted(first(x, 1000))))
        elseif x isa Bool || x isa Union{Int8, Int16, Int32, Int64}
            add("kind", quoted("scalar"))
            add("value", string(x))
        elseif x isa Union{Float32, Float64}
            add("kind", quoted("scalar"))
            add("value", isfinite(x) ? string(Float64(x)) : quoted(string(x)))
        elseif x isa Array
            add("kind", quoted("array"))
            add("shape", "[" * join(size(x), ",") * "]")
            add("dtype", quoted(string(eltype(x))))
        elseif x isa Function
            add("kind", quoted("function"))
        elseif x isa Module
            add("kind", quoted("module"))
        elseif x isa Dict
            add("kind", quoted("mapping"))
            add("len", length(x))
        else
            add("kind", quoted("object"))
        end
        return "{" * join(parts, ",") * "}"
    end
    ignored = (:Base, :Core, :Main, :In, :Out, :ans, :ansi, :eval, :include, :IJulia)
    there = [n for n in names(Main) if isdefined(Main, n) && !(n in ignored) && !startswith(string(n), "#")]
    each = [quoted(string(n)) * ":" * described(string(n), getfield(Main, n)) for n in first(there, 200)]
    println("{\"total\":", length(there), ",\"variables\":{", join(each, ","), "}}")
end;
