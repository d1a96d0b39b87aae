/*
 * Patterns.java - what Debezium's lists of regular expressions match.
 *
 *   java -cp 'DIRECTORY/*' Patterns.java < cases.txt > table.txt
 *
 * Reads the cases, asks Debezium's own predicates, and writes a row for each
 * name: kind, list, name, and "yes", "no" or "bad" where the list is refused.
 * README.md has the format of both files.
 */
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.function.Predicate;

import io.debezium.function.Predicates;
import io.debezium.relational.ColumnFilterMode;
import io.debezium.relational.Selectors;
import io.debezium.relational.TableId;
import io.debezium.relational.Tables;

public class Patterns {

    static String decode(String s) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        for (int i = 0; i < s.length(); i++) {
            if (s.charAt(i) == '%') {
                bytes.write(Integer.parseInt(s.substring(i + 1, i + 3), 16));
                i += 2;
            }
            else {
                bytes.write(s.charAt(i));
            }
        }
        return bytes.toString(StandardCharsets.UTF_8);
    }

    /* A name's parts stand between slashes. */
    static Predicate<String[]> compile(String kind, String list) {
        switch (kind) {
            case "schema": {
                Predicate<TableId> p = Selectors.tableSelector().includeSchemas(list).build();
                return n -> p.test(new TableId(null, n[0], "t"));
            }
            case "table": {
                Predicate<TableId> p = Selectors.tableSelector()
                        .includeTables(list, id -> id.schema() + "." + id.table()).build();
                return n -> p.test(new TableId(null, n[0], n[1]));
            }
            case "column": {
                Tables.ColumnNameFilter f = Tables.ColumnNameFilterFactory
                        .createIncludeListFilter(list, ColumnFilterMode.SCHEMA);
                return n -> f.matches(null, n[0], n[1], n[2]);
            }
            case "prefix": {
                Predicate<String> p = Predicates.includes(list);
                return n -> p.test(n[0]);
            }
            default:
                throw new IllegalArgumentException(kind);
        }
    }

    public static void main(String[] args) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.US_ASCII);
        String line;

        out.println("# Made by make patterns-table from cases.txt; Debezium "
                + Predicates.class.getProtectionDomain().getCodeSource().getLocation().getPath()
                        .replaceAll(".*-([^-]*)\\.jar", "$1")
                + ", Java " + System.getProperty("java.version"));
        while ((line = in.readLine()) != null) {
            if (line.isEmpty() || line.startsWith("#")) {
                continue;
            }
            String[] fields = line.split("\t");
            Predicate<String[]> matches = null;
            try {
                matches = compile(fields[0], decode(fields[1]));
            }
            catch (RuntimeException e) {
                /* not a list to Debezium */
            }
            for (int i = 2; i < fields.length; i++) {
                String[] name = fields[i].split("/", -1);
                for (int j = 0; j < name.length; j++) {
                    name[j] = decode(name[j]);
                }
                String result = matches == null ? "bad" : matches.test(name) ? "yes" : "no";
                out.println(fields[0] + "\t" + fields[1] + "\t" + fields[i] + "\t" + result);
            }
        }
        out.flush();
    }
}
