import java.io.File;
import org.verapdf.gf.foundry.VeraGreenfieldFoundryProvider;
import org.verapdf.pdfa.Foundries;
import org.verapdf.pdfa.flavours.PDFAFlavour;

/** Prints for each file and standard whether it complies, and where not; exits 1 if one does not. */
public class Validate {
    private static final PDFAFlavour[] STANDARDS = {PDFAFlavour.PDFA_2_A, PDFAFlavour.PDFUA_1};

    public static void main(String[] files) throws Exception {
        VeraGreenfieldFoundryProvider.initialise();
        boolean all = true;
        for (String file : files) {
            for (PDFAFlavour standard : STANDARDS) {
                all &= validate(file, standard);
            }
        }
        System.exit(all ? 0 : 1);
    }

    private static boolean validate(String file, PDFAFlavour standard) throws Exception {
        try (var parser = Foundries.defaultInstance().createParser(new File(file), standard);
                var validator = Foundries.defaultInstance().createValidator(standard, false)) {
            var result = validator.validate(parser);
            System.out.printf("%s %s %s%n", result.isCompliant() ? "PASS" : "FAIL", standard, file);
            result.getTestAssertions().stream().limit(20).forEach(found -> System.out.printf(
                "  %s-%s %s%n    %s%n", found.getRuleId().getClause(), found.getRuleId().getTestNumber(),
                found.getMessage(), found.getLocation().getContext()));
            return result.isCompliant();
        }
    }
}
