from cood.report.build.jupyter_book import copy_loaded


def test_what_a_script_loads_is_copied_to_a_folder_of_its_notebook(tmp_path):
    folder, book = tmp_path / "saved", tmp_path / "book"
    folder.mkdir()
    for name in ("a.mjs", "b.webp", "c.csv", "d.ipynb"):
        (folder / name).write_text(name)
    copy_loaded(folder, book, "page")
    copied = {file.relative_to(book).as_posix() for file in book.rglob("*") if file.is_file()}
    assert copied == {"_static/page/a.mjs", "_static/page/b.webp"}
