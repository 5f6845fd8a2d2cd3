local({
  # Prints the variables of an R kernel as one line of JSON (guest code, base R only).
  quoted <- function(text) {
    text <- enc2utf8(substr(text, 1L, 400L))
    text <- gsub("\\", "\\\\", text, fixed = TRUE)
    text <- gsub("\"", "\\\"", text, fixed = TRUE)
    text <- gsub("\n", "\\n", text, fixed = TRUE)
    text <- gsub("\r", "\\r", text, fixed = TRUE)
    text <- gsub("\t", "\\t", text, fixed = TRUE)
    paste0("\"", gsub("[[:cntrl:]]", " ", text), "\"")
  }
  list_of <- function(items) paste0("[", paste(items, collapse = ","), "]")
  object_of <- function(pairs) {
    paste0("{", paste0(vapply(names(pairs), quoted, ""), ":", pairs, collapse = ","), "}")
  }
  number <- function(x) if (is.finite(x)) format(x, digits = 15, scientific = FALSE) else quoted(format(x))
  secret <- function(name) {
    words <- "pass(wd|word|phrase)?|pwd|secret|token|api[._-]?key|auth|credential|private[._-]?key|cookie|dsn"
    grepl(paste0("(^|[._-])(", words, ")s?($|[._0-9-])"), name, ignore.case = TRUE, perl = TRUE)
  }
  redacted <- function(text) {
    look <- c(
      "AKIA[0-9A-Z]{16}", "\\bsk-[A-Za-z0-9_-]{16,}", "\\bgh[pousr]_[A-Za-z0-9]{20,}",
      "\\beyJ[A-Za-z0-9_-]{8,}\\.[A-Za-z0-9_-]*(\\.[A-Za-z0-9_-]*)?",
      "(?<=://)[^/\\s:@]*:[^@\\s/]+(?=@)", "-----BEGIN [A-Z ]*PRIVATE KEY-----[\\s\\S]*"
    )
    for (pattern in look) text <- gsub(pattern, "\u00abredacted\u00bb", text, perl = TRUE)
    text
  }
  cell <- function(x, name = "") {
    if (is.na(x)) return("null")
    if (is.factor(x)) x <- as.character(x)
    if (is.character(x)) {
      if (secret(name)) return(quoted("\u00abredacted\u00bb"))
      text <- redacted(substr(x, 1L, 1000L))
      return(quoted(if (nchar(text) > 200L) paste0(substr(text, 1L, 200L), "\u2026") else text))
    }
    if (is.logical(x)) return(tolower(as.character(x)))
    if (is.numeric(x) && !is.object(x)) return(number(x))
    if (is.object(x)) return(quoted(format.Date(as.Date(x))))
    quoted(typeof(x))
  }
  plain <- function(x) is.null(attr(x, "class")) && (is.character(x) || is.logical(x) || is.numeric(x))
  frame <- function(x) {
    columns <- unclass(x)
    shown <- seq_len(min(60L, length(columns)))
    labels <- names(columns)[shown]
    kinds <- vapply(columns[shown], function(column) quoted(class(column)[1L]), "")
    found <- list(kind = quoted("dataframe"))
    rows <- .row_names_info(x, 2L)
    found$shape <- list_of(c(rows, length(columns)))
    if (length(labels)) found$columns <- object_of(structure(as.list(kinds), names = labels))
    if (length(columns) > 60L) found$more_columns <- length(columns) - 60L
    if (as.double(rows) * length(columns) <= 2e6) {
      gaps <- vapply(columns[shown], function(column) if (is.atomic(column)) sum(is.na(column)) else 0L, 0L)
      gaps <- gaps[gaps > 0L]
      found$nulls <- if (length(gaps)) object_of(as.list(gaps)) else "{}"
    }
    head <- lapply(seq_len(min(3L, rows)), function(row) {
      list_of(vapply(shown[shown <= 12L], function(i) {
        column <- columns[[i]]
        if (plain(column)) return(cell(column[[row]], labels[[i]]))
        if (inherits(column, "factor")) {
          return(cell(attr(column, "levels")[unclass(column)[[row]]], labels[[i]]))
        }
        if (inherits(column, "Date")) return(quoted(format.Date(column[row])))
        quoted("\u2026")
      }, ""))
    })
    if (length(head)) found$head <- list_of(head)
    found
  }
  vector_of <- function(x, name) {
    if (length(x) == 1L) return(list(kind = quoted(if (is.character(x)) "text" else "scalar"), value = cell(x[[1L]], name)))
    first <- vapply(seq_len(min(6L, length(x))), function(i) cell(x[[i]]), "")
    found <- list(kind = quoted("array"), dtype = quoted(typeof(x)), len = length(x))
    found$shape <- list_of(if (is.null(dim(x))) length(x) else dim(x))
    if (!secret(name)) found$head <- list_of(first)
    found
  }
  summary_of <- function(name) {
    if (bindingIsActive(as.symbol(name), globalenv())) return(list(type = quoted("active binding"), kind = quoted("lazy")))
    x <- get(name, envir = globalenv(), inherits = FALSE)
    found <- list(type = quoted(class(x)[1L]))
    if (is.function(x)) {
      parameters <- paste(names(formals(args(x))), collapse = ", ")
      return(c(found, list(kind = quoted("function"), signature = quoted(paste0(name, "(", parameters, ")")))))
    }
    if (inherits(x, "data.frame")) return(c(found, frame(x)))
    if (plain(x)) return(c(found, vector_of(x, name)))
    if (is.list(x) && is.null(attr(x, "class"))) {
      found <- c(found, list(kind = quoted("sequence"), len = length(x)))
      if (!is.null(names(x))) found$keys <- list_of(vapply(utils::head(names(x), 20L), quoted, ""))
      return(found)
    }
    c(found, list(kind = quoted("object")))
  }
  names_there <- ls(envir = globalenv(), all.names = FALSE)
  shown <- utils::head(names_there, 200L)
  each <- vapply(shown, function(name) {
    paste0(quoted(name), ":", tryCatch(object_of(summary_of(name)), error = function(e) {
      object_of(list(type = quoted("?"), kind = quoted("object"), note = quoted("could not be read")))
    }))
  }, "")
  cat("{\"total\":", length(names_there), ",\"variables\":{", paste(each, collapse = ","), "}}\n", sep = "")
})
